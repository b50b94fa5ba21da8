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

// What the columns of B need: the scales of their blocks of 32, and what treating A's bytes as unsigned adds.
struct Columns {
    std::vector<float> scales;
    std::vector<int32_t> excess;

    void look_at(const block_q8_0 * B, int64_t ldb, int64_t n, int64_t k) {
        scales.resize(n * k);
        excess.resize(n * k);
        for (int64_t j = 0; j < n; ++j) {
            for (int64_t b = 0; b < k; ++b) {
                const block_q8_0 & block = B[j * ldb + b];
                int32_t sum = 0;
                for (int i = 0; i < 32; ++i) {
                    sum += block.qs[i];
                }
                scales[j * k + b] = _cvtsh_ss(block.d);
                excess[j * k + b] = -128 * sum;
            }
        }
    }
};

// N columns of C for a tile whose blocks lie in `a`, four values of each row to a vector.
template <int N>
inline void tile_q8_0(int64_t k, const __m512i * a, const float * row_scales, const block_q8_0 * B, int64_t ldb,
                      const float * scales, const int32_t * excess, float * C, int64_t ldc) {
    __m512 c[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
        c[j] = _mm512_setzero_ps();
    }
    for (int64_t b = 0; b < k; ++b, a += 8) {
        const __m512 rows = _mm512_loadu_ps(row_scales + b * ROWS);
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) {
            int32_t q[8];
            memcpy(q, B[j * ldb + b].qs, sizeof(q));
            __m512i x = _mm512_set1_epi32(excess[j * k + b]);
#pragma GCC unroll 8
            for (int g = 0; g < 8; ++g) {
                x = _mm512_dpbusd_epi32(x, a[g], _mm512_set1_epi32(q[g]));
            }
            c[j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), _mm512_mul_ps(rows, _mm512_set1_ps(scales[j * k + b])), c[j]);
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
        _mm512_storeu_ps(C + j * ldc, c[j]);
    }
}

// One row by one column.
inline float row_q8_0(int64_t k, const block_q8_0 * A, const block_q8_0 * B, const float * scales, const int32_t * excess) {
    const __m256i flip = _mm256_set1_epi8(-128);
    __m256 c[4] = {};
    for (int64_t b = 0; b < k; b += 4) {
        _mm_prefetch((const char *) (A + b) + AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *) (A + b) + AHEAD + 64, _MM_HINT_T0);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            const block_q8_0 & block = A[b + i];
            const __m256i bytes = _mm256_xor_si256(flip, _mm256_loadu_si256((const __m256i *) block.qs));
            const __m256i first = _mm256_zextsi128_si256(_mm_cvtsi32_si128(excess[b + i]));
            const __m256i x = _mm256_dpbusd_epi32(first, bytes, _mm256_loadu_si256((const __m256i *) B[b + i].qs));
            c[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(x), _mm256_set1_ps(scales[b + i] * _cvtsh_ss(block.d)), c[i]);
        }
    }
    const __m256 sum = _mm256_add_ps(_mm256_add_ps(c[0], c[1]), _mm256_add_ps(c[2], c[3]));
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

// C = Aᵀ B for weights of q8_0; false when the shape is none of ours. k counts blocks.
inline bool q8_0(int64_t m, int64_t n, int64_t k, const block_q8_0 * A, int64_t lda, const block_q8_0 * B, int64_t ldb,
                 float * C, int64_t ldc, int ith, int nth) {
    if (n == 1 ? k % 4 != 0 : m % ROWS != 0 || n < 8) {
        return false;
    }
    thread_local Columns columns;
    columns.look_at(B, ldb, n, k);
    const float * scales = columns.scales.data();
    const int32_t * excess = columns.excess.data();
    if (n == 1) {
        for (int64_t i = m * ith / nth; i < m * (ith + 1) / nth; ++i) {
            C[i] = row_q8_0(k, A + i * lda, B, scales, excess);
        }
        return true;
    }
    thread_local std::vector<__m512i> tile;
    thread_local std::vector<float> row_scales;
    tile.resize(k * 8);
    row_scales.resize(k * ROWS);
    for (int64_t i = ith * ROWS; i < m; i += nth * ROWS) {
        uint32_t * to = (uint32_t *) tile.data();
        for (int64_t r = 0; r < ROWS; ++r) {
            for (int64_t b = 0; b < k; ++b) {
                const block_q8_0 & block = A[(i + r) * lda + b];
                row_scales[b * ROWS + r] = _cvtsh_ss(block.d);
                uint32_t q[8];
                memcpy(q, block.qs, sizeof(q));
                for (int g = 0; g < 8; ++g) {
                    to[(b * 8 + g) * ROWS + r] = q[g] ^ 0x80808080u;
                }
            }
        }
        int64_t j = 0;
        for (; j + 8 <= n; j += 8) {
            tile_q8_0<8>(k, tile.data(), row_scales.data(), B + j * ldb, ldb, scales + j * k, excess + j * k, C + j * ldc + i, ldc);
        }
        for (; j < n; ++j) {
            tile_q8_0<1>(k, tile.data(), row_scales.data(), B + j * ldb, ldb, scales + j * k, excess + j * k, C + j * ldc + i, ldc);
        }
    }
    return true;
}

// N columns of C for a tile in `a`, one value of each row to a vector.
template <int N>
inline void tile_f32(int64_t k, const float * a, const float * B, int64_t ldb, float * C, int64_t ldc) {
    __m512 c[N];
#pragma GCC unroll 16
    for (int j = 0; j < N; ++j) {
        c[j] = _mm512_setzero_ps();
    }
    for (int64_t l = 0; l < k; ++l, a += ROWS) {
        const __m512 rows = _mm512_loadu_ps(a);
#pragma GCC unroll 16
        for (int j = 0; j < N; ++j) {
            c[j] = _mm512_fmadd_ps(rows, _mm512_set1_ps(B[j * ldb + l]), c[j]);
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < N; ++j) {
        _mm512_storeu_ps(C + j * ldc, c[j]);
    }
}

// Up to sixteen values, zeros after them.
inline __m512 wide(const ggml_fp16_t * values, int64_t count) {
    const __mmask16 mask = count < 16 ? (1u << count) - 1 : 0xffff;
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, values));
}

// C = Aᵀ B for f16 (attention, convolutions); false when the shape is none of ours.
inline bool f16(int64_t m, int64_t n, int64_t k, const ggml_fp16_t * A, int64_t lda, const ggml_fp16_t * B, int64_t ldb,
                float * C, int64_t ldc, int ith, int nth) {
    if (m < ROWS || n < 16) {
        return false;
    }
    thread_local std::vector<float> columns, tile;
    // Columns a power of two apart would fall on the same lines of the cache.
    const int64_t ldw = (k + 31) / 16 * 16;
    columns.resize(n * ldw);
    tile.resize((k + 15) * ROWS);
    for (int64_t j = 0; j < n; ++j) {
        for (int64_t l = 0; l < k; l += 16) {
            _mm512_storeu_ps(&columns[j * ldw + l], wide(B + j * ldb + l, k - l));
        }
    }
    for (int64_t at = ith * ROWS; at < m; at += nth * ROWS) {
        // The last tile may repeat rows of the one before.
        const int64_t i = at + ROWS <= m ? at : m - ROWS;
        for (int64_t r = 0; r < ROWS; ++r) {
            for (int64_t l = 0; l < k; l += 16) {
                float x[16];
                _mm512_storeu_ps(x, wide(A + (i + r) * lda + l, k - l));
                for (int s = 0; s < 16; ++s) {
                    tile[(l + s) * ROWS + r] = x[s];
                }
            }
        }
        int64_t j = 0;
        for (; j + 16 <= n; j += 16) {
            tile_f32<16>(k, tile.data(), &columns[j * ldw], ldw, C + j * ldc + i, ldc);
        }
        for (; j < n; ++j) {
            tile_f32<1>(k, tile.data(), &columns[j * ldw], ldw, C + j * ldc + i, ldc);
        }
    }
    return true;
}

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
