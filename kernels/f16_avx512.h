// Products of f16 by f16: attention and convolutions. See whisper_avx512.h.
#pragma once

namespace earmark {

// What a lane holds: two values as bfloat16 where the processor multiplies those, one f32 elsewhere. To the quantised weights
// around them, eight bits of mantissa in attention make no difference.
#ifdef __AVX512BF16__
constexpr int64_t PER_LANE = 2;

inline __m512i lanes(const ggml_fp16_t * values, int64_t count) {
    return (__m512i) _mm512_cvtne2ps_pbh(wide(values + ROWS, count - ROWS), wide(values, count));
}

inline __m512 multiply_add(__m512i a, __m512i b, __m512 c) {
    return _mm512_dpbf16_ps(c, (__m512bh) a, (__m512bh) b);
}
#else
constexpr int64_t PER_LANE = 1;

inline __m512i lanes(const ggml_fp16_t * values, int64_t count) {
    return _mm512_castps_si512(wide(values, count));
}

inline __m512 multiply_add(__m512i a, __m512i b, __m512 c) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), c);
}
#endif

// Sixteen rows of k values, lane after lane: to[step * ROWS + row]. Rows from `count` on are zeros.
inline void pack_f16(int64_t k, const ggml_fp16_t * from, int64_t ld, int64_t count, int32_t * to) {
    for (int64_t r = 0; r < ROWS; ++r) {
        for (int64_t l = 0; l < k; l += PER_LANE * ROWS) {
            alignas(64) int32_t x[ROWS] = {};
            if (r < count) {
                _mm512_store_si512(x, lanes(from + r * ld + l, k - l));
            }
            for (int s = 0; s < ROWS; ++s) {
                to[(l / PER_LANE + s) * ROWS + r] = x[s];
            }
        }
    }
}

// A few columns: a dot product a row, four rows at a time for one sum over lanes.
inline void dots_f16(int64_t m, int64_t k, const ggml_fp16_t * A, int64_t lda, const float * b, float * C) {
    for (int64_t i = 0; i < m; i += 4) {
        __m256 sums[4];
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
            // Rows of short heads are far apart; long rows are fetched ahead without asking.
            _mm_prefetch((const char *) (A + (i + r + 16) * lda), _MM_HINT_T0);
            _mm_prefetch((const char *) (A + (i + r + 16) * lda) + 64, _MM_HINT_T0);
            const ggml_fp16_t * a = A + (i + r < m ? i + r : m - 1) * lda;
            __m512 c[2] = {};
            int64_t l = 0;
            for (; l + 32 <= k; l += 32) {
                c[0] = _mm512_fmadd_ps(wide(a + l, 16), _mm512_loadu_ps(b + l), c[0]);
                c[1] = _mm512_fmadd_ps(wide(a + l + 16, 16), _mm512_loadu_ps(b + l + 16), c[1]);
            }
            for (; l < k; l += 16) {
                c[0] = _mm512_fmadd_ps(wide(a + l, k - l), _mm512_loadu_ps(b + l), c[0]);
            }
            const __m512 both = _mm512_add_ps(c[0], c[1]);
            sums[r] = _mm256_add_ps(_mm512_castps512_ps256(both), _mm512_extractf32x8_ps(both, 1));
        }
        const __m256 four = _mm256_hadd_ps(_mm256_hadd_ps(sums[0], sums[1]), _mm256_hadd_ps(sums[2], sums[3]));
        const __mmask8 mask = m - i < 4 ? (1u << (m - i)) - 1 : 0xf;
        _mm_mask_storeu_ps(C + i, mask, _mm_add_ps(_mm256_castps256_ps128(four), _mm256_extractf128_ps(four, 1)));
    }
}

// C = Aᵀ B; false when the shape is none of ours.
inline bool f16(int64_t m, int64_t n, int64_t k, const ggml_fp16_t * A, int64_t lda, const ggml_fp16_t * B, int64_t ldb,
                float * C, int64_t ldc, int ith, int nth) {
    if (n < 4) {
        thread_local std::vector<float> column;
        column.resize(k + ROWS);
        const int64_t from = m * ith / nth;
        for (int64_t j = 0; j < n; ++j) {
            for (int64_t l = 0; l < k; l += ROWS) {
                _mm512_storeu_ps(&column[l], wide(B + j * ldb + l, k - l));
            }
            dots_f16(m * (ith + 1) / nth - from, k, A + from * lda, lda, column.data(), C + j * ldc + from);
        }
        return true;
    }
    const int64_t steps = (k + PER_LANE * ROWS - 1) / (PER_LANE * ROWS) * ROWS;
    thread_local std::vector<int32_t> columns, tile;
    columns.resize((n + ROWS - 1) / ROWS * ROWS * steps);
    tile.resize(ROWS * steps);
    for (int64_t j = 0; j < n; j += ROWS) {
        pack_f16(k, B + j * ldb, ldb, n - j, &columns[j * steps]);
    }
    for (int64_t i = ith * ROWS; i < m; i += nth * ROWS) {
        pack_f16(k, A + i * lda, lda, m - i, tile.data());
        const __mmask16 mask = m - i < ROWS ? (1u << (m - i)) - 1 : 0xffff;
        for (int64_t j = 0; j < n; j += ROWS) {
            const int32_t * b = &columns[j * steps];
            __m512 c[ROWS];
#pragma GCC unroll 16
            for (int s = 0; s < ROWS; ++s) {
                c[s] = _mm512_setzero_ps();
            }
            for (int64_t l = 0; l < steps; ++l) {
                const __m512i a = _mm512_loadu_si512(&tile[l * ROWS]);
#pragma GCC unroll 16
                for (int s = 0; s < ROWS; ++s) {
                    c[s] = multiply_add(a, _mm512_set1_epi32(b[l * ROWS + s]), c[s]);
                }
            }
            if (n - j >= ROWS) {
#pragma GCC unroll 16
                for (int s = 0; s < ROWS; ++s) {
                    _mm512_mask_storeu_ps(C + (j + s) * ldc + i, mask, c[s]);
                }
            } else {
                for (int s = 0; s < n - j; ++s) {
                    _mm512_mask_storeu_ps(C + (j + s) * ldc + i, mask, c[s]);
                }
            }
        }
    }
    return true;
}

} // namespace earmark
