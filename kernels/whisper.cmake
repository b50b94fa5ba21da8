# Faster matrix products, element-wise functions and large pages for whisper.cpp. CMake includes this file, which .cargo/config.toml names, when it
# configures whisper.cpp's copy in the build folder; where a version of it reads otherwise, nothing is changed.

function(change file from to)
    file(READ ${file} text)
    string(FIND "${text}" "${to}" done)
    if(done EQUAL -1)
        string(REPLACE "${from}" "${to}" text "${text}")
        file(WRITE ${file} "${text}")
    endif()
endfunction()

if(PROJECT_NAME STREQUAL "ggml")
    include_directories(${CMAKE_CURRENT_LIST_DIR})
    set(sgemm ${PROJECT_SOURCE_DIR}/src/ggml-cpu/llamafile/sgemm.cpp)
    change(${sgemm} "#include <type_traits>" "#include <type_traits>
#include \"whisper_avx512.h\"")
    change(${sgemm} "    assert(params->ith < params->nth);" "    assert(params->ith < params->nth);
#ifdef EARMARK_KERNELS
    if (Ctype == GGML_TYPE_F32 &&
        earmark::multiply(m, n, k, A, lda, B, ldb, C, ldc, Atype, Btype, params->ith, params->nth)) {
        return true;
    }
#endif")
    set(vec ${PROJECT_SOURCE_DIR}/src/ggml-cpu/vec.h)
    change(${vec} "#include \"simd-mappings.h\"" "#include \"simd-mappings.h\"
#include \"elementwise.h\"")
    change(${vec} "void ggml_vec_gelu_f32(const int n, float * y, const float * x) {
    uint16_t t;" "void ggml_vec_gelu_f32(const int n, float * y, const float * x) {
    earmark_gelu(n, y, x);
    return;
    uint16_t t;")
    change(${vec} "    float max = -INFINITY;
    for (int i = 0; i < n; ++i) {
        max = MAX(max, x[i]);
    }
    *s = max;" "    *s = earmark_max(n, x);")
    # The decoder reads all its weights for every token, and across the borders of small pages nothing is fetched ahead.
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
        set(ggml ${PROJECT_SOURCE_DIR}/src/ggml.c)
        change(${ggml} "#include <errno.h>" "#include <errno.h>
#include <sys/mman.h>

size_t earmark_frees;")
        # Copies of weights that were freed are stale.
        change(${ggml} "#else
    free(ptr);
#endif" "#else
    __atomic_add_fetch(&earmark_frees, size >= (1 << 20), __ATOMIC_RELEASE);
    free(ptr);
#endif")
        change(${ggml} "    int result = posix_memalign(&aligned_memory, alignment, size);" "    const size_t page = 2 << 20;
    int result = posix_memalign(&aligned_memory, size < page ? (size_t) alignment : page, size);
    if (result == 0 && size >= page) {
        madvise(aligned_memory, size, MADV_HUGEPAGE);
    }")
    endif()
endif()
