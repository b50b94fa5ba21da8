// Matrix products of whisper.cpp for processors with AVX-512 VNNI; kernels/whisper.cmake puts them in front of its own.
//
// whisper.cpp's kernels scale every 32 products apart and add up the lanes of a vector at the end. Here a lane is a row of the
// weights, so eight instructions multiply 16 rows by 32 values before there is anything to scale, and no lanes are added up.
#pragma once
#if defined(__GNUC__) && defined(__F16C__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#define EARMARK_KERNELS

#include <cstring>
#include <vector>

namespace earmark {

// Rows of a tile: the lanes of a vector.
constexpr int64_t ROWS = 16;
// How far ahead of its use a weight is asked for, in bytes: products with one column wait for memory.
constexpr int64_t AHEAD = 512;

// Up to sixteen values, zeros after them.
inline __m512 wide(const ggml_fp16_t * values, int64_t count) {
    const __mmask16 mask = count >= ROWS ? 0xffff : count > 0 ? (1u << count) - 1 : 0;
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, values));
}

} // namespace earmark

#include "f16_avx512.h"
#include "q8_avx512.h"

namespace earmark {

// The products that are faster here; false leaves a product to whisper.cpp.
inline bool multiply(int64_t m, int64_t n, int64_t k, const void * A, int64_t lda, const void * B, int64_t ldb, void * C,
                     int64_t ldc, int Atype, int Btype, int ith, int nth) {
    float * out = (float *) C;
    if (Atype == GGML_TYPE_Q8_0 && Btype == GGML_TYPE_Q8_0) {
        return q8_0(m, n, k, (const block_q8_0 *) A, lda, (const block_q8_0 *) B, ldb, out, ldc, ith, nth);
    }
    if (Atype == GGML_TYPE_F16 && Btype == GGML_TYPE_F16) {
        return f16(m, n, k, (const ggml_fp16_t *) A, lda, (const ggml_fp16_t *) B, ldb, out, ldc, ith, nth);
    }
    return false;
}

} // namespace earmark
#endif
