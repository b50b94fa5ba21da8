// Products of weights of q8_0. See whisper_avx512.h.
#pragma once
#include "words_avx512.h"

namespace earmark {

// Tiles that share what is read of B.
constexpr int64_t PAIR = 2;
// Columns at a time.
constexpr int WIDE = 8;

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

// N columns of C for PAIR tiles whose blocks lie in `a`, four values of each row to a vector.
template <int N>
inline void tiles_q8_0(int64_t k, const __m512i * a, const float * row_scales, const block_q8_0 * B, int64_t ldb,
                       const float * scales, const int32_t * excess, float * C, int64_t ldc) {
    __m512 c[N][PAIR];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
        c[j][0] = c[j][1] = _mm512_setzero_ps();
    }
    for (int64_t b = 0; b < k; ++b, a += 8 * PAIR, row_scales += ROWS * PAIR) {
        const __m512 rows[PAIR] = { _mm512_loadu_ps(row_scales), _mm512_loadu_ps(row_scales + ROWS) };
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) {
            int32_t q[8];
            memcpy(q, B[j * ldb + b].qs, sizeof(q));
            __m512i x[PAIR];
            x[0] = x[1] = _mm512_set1_epi32(excess[j * k + b]);
#pragma GCC unroll 8
            for (int g = 0; g < 8; ++g) {
                const __m512i values = _mm512_set1_epi32(q[g]);
                x[0] = _mm512_dpbusd_epi32(x[0], a[g * PAIR], values);
                x[1] = _mm512_dpbusd_epi32(x[1], a[g * PAIR + 1], values);
            }
            const __m512 scale = _mm512_set1_ps(scales[j * k + b]);
            c[j][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x[0]), _mm512_mul_ps(rows[0], scale), c[j][0]);
            c[j][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x[1]), _mm512_mul_ps(rows[1], scale), c[j][1]);
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
        _mm512_storeu_ps(C + j * ldc, c[j][0]);
        _mm512_storeu_ps(C + j * ldc + ROWS, c[j][1]);
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
    if (n == 1 ? k % 4 != 0 : m % (ROWS * PAIR) != 0 || n < 8) {
        return false;
    }
    thread_local Columns columns;
    columns.look_at(B, ldb, n, k);
    const float * scales = columns.scales.data();
    const int32_t * excess = columns.excess.data();
    if (n == 1) {
        const auto row = [&](int64_t i) { C[i] = row_q8_0(k, A + i * lda, B, scales, excess); };
        if (nth == 1 && lda == k && words_q8_0(m, k, A, B, scales, excess, C, row)) {
            return true;
        }
        for (int64_t i = m * ith / nth; i < m * (ith + 1) / nth; ++i) {
            row(i);
        }
        return true;
    }
    thread_local std::vector<__m512i> tiles;
    thread_local std::vector<float> row_scales;
    tiles.resize(k * 8 * PAIR);
    row_scales.resize(k * ROWS * PAIR);
    for (int64_t i = ith * ROWS * PAIR; i < m; i += nth * ROWS * PAIR) {
        uint32_t * to = (uint32_t *) tiles.data();
        for (int64_t r = 0; r < ROWS * PAIR; ++r) {
            for (int64_t b = 0; b < k; ++b) {
                const block_q8_0 & block = A[(i + r) * lda + b];
                row_scales[b * ROWS * PAIR + r] = _cvtsh_ss(block.d);
                uint32_t q[8];
                memcpy(q, block.qs, sizeof(q));
                for (int g = 0; g < 8; ++g) {
                    to[(b * 8 + g) * ROWS * PAIR + r] = q[g] ^ 0x80808080u;
                }
            }
        }
        int64_t j = 0;
        for (; j + WIDE <= n; j += WIDE) {
            tiles_q8_0<WIDE>(k, tiles.data(), row_scales.data(), B + j * ldb, ldb, scales + j * k, excess + j * k, C + j * ldc + i, ldc);
        }
        for (; j < n; ++j) {
            tiles_q8_0<1>(k, tiles.data(), row_scales.data(), B + j * ldb, ldb, scales + j * k, excess + j * k, C + j * ldc + i, ldc);
        }
    }
    return true;
}

} // namespace earmark
