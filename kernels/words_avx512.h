// The product that gives the logits of all words. See whisper_avx512.h.
//
// It is more than half of what a decoded token reads. All words but a few are out of the question, and four bits a weight tell
// which: they are read for all, and the whole weights only for words that come near the best. Timestamps and the other special
// tokens, at the end, are always computed in full.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>

// How often whisper.cpp has freed large memory; absent where it reads otherwise than kernels/whisper.cmake expects.
extern "C" __attribute__((weak)) size_t earmark_frees;

namespace earmark {

// A matrix with at least so many rows is one of words.
constexpr int64_t WORDS = 50000;
// The last rows, always computed in full: 1501 timestamps, languages and tasks.
constexpr int64_t SPECIAL = 1616;
// Logits this far below the best may be rough: 25 times the error of four bits, and a 150th of the best one's probability.
constexpr float NEAR = 5.0f;

// A block of 32 values of ROWS rows in four bits: value 8g+i of a row in the low half of byte i of its lane of vector g,
// value 8g+4+i in the high half.
struct Tile {
    uint8_t nibbles[4][ROWS * 4];
    ggml_fp16_t scales[ROWS];

    void set(int64_t row, const block_q8_0 & block) {
        int least = 0, most = 0;
        for (int8_t q : block.qs) {
            least = std::min<int>(least, q);
            most = std::max<int>(most, q);
        }
        // Of the values -8 to 7 the one with more room is for the largest.
        const float step = (most > -least ? most : least) / -8.0f;
        const float inverse = step == 0.0f ? 0.0f : 1.0f / step;
        uint8_t values[32];
        for (int v = 0; v < 32; ++v) {
            values[v] = std::min(15, (int) (block.qs[v] * inverse + 8.5f));
        }
        for (int v = 0; v < 32; v += 8) {
            for (int i = 0; i < 4; ++i) {
                nibbles[v / 8][row * 4 + i] = values[v + i] | values[v + 4 + i] << 4;
            }
        }
        scales[row] = _cvtss_sh(_cvtsh_ss(block.d) * step, 0);
    }
};

// The words' weights in four bits.
struct Rough {
    const block_q8_0 * of;
    int64_t rows, blocks;
    size_t size = 0, frees = 0;
    uint64_t hash = 0;
    Tile * tiles = nullptr;

    static uint64_t hash_of(const block_q8_0 * A, int64_t count) {
        uint64_t hash = 0;
        for (int64_t i = 0; i < count; ++i) {
            uint64_t words[4];
            memcpy(words, A[i].qs, sizeof(words));
            for (uint64_t word : words) {
                hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
                hash ^= hash >> 32;
            }
            hash += A[i].d;
        }
        return hash;
    }

    Rough(const block_q8_0 * A, int64_t m, int64_t k) : of(A), rows((m - SPECIAL) / ROWS * ROWS), blocks(k) {
        size = rows / ROWS * k * sizeof(Tile);
        tiles = (Tile *) ggml_aligned_malloc(size);
        if (tiles == nullptr) {
            return;
        }
        for (int64_t i = 0; i < rows; ++i) {
            for (int64_t b = 0; b < k; ++b) {
                tiles[i / ROWS * k + b].set(i % ROWS, A[i * k + b]);
            }
        }
        hash = hash_of(A, m * k);
    }

    ~Rough() {
        ggml_aligned_free(tiles, size);
    }

    // The rows' logits, by bytes of one column whose block sums times -128 are `excess`.
    void logits(const block_q8_0 * B, const float * scales, const int32_t * excess, float * C) const {
        const __m512i low = _mm512_set1_epi8(15);
        const Tile * tile = tiles;
        for (int64_t i = 0; i < rows; i += ROWS) {
            __m512 c = _mm512_setzero_ps();
            for (int64_t b = 0; b < blocks; ++b, ++tile) {
                int32_t q[8];
                memcpy(q, B[b].qs, sizeof(q));
                __m512i x = _mm512_set1_epi32(excess[b] / 16);
#pragma GCC unroll 4
                for (int g = 0; g < 4; ++g) {
                    _mm_prefetch((const char *) tile + 4096 + 72 * g, _MM_HINT_T0);
                    const __m512i pairs = _mm512_loadu_si512(tile->nibbles[g]);
                    x = _mm512_dpbusd_epi32(x, _mm512_and_si512(pairs, low), _mm512_set1_epi32(q[2 * g]));
                    x = _mm512_dpbusd_epi32(x, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), low), _mm512_set1_epi32(q[2 * g + 1]));
                }
                const __m512 scale = _mm512_mul_ps(wide(tile->scales, ROWS), _mm512_set1_ps(scales[b]));
                c = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), scale, c);
            }
            _mm512_storeu_ps(C + i, c);
        }
    }
};

// The copy in four bits of these weights, made when they are first seen. Memory may have been freed and filled again.
inline std::shared_ptr<const Rough> rough_copy(const block_q8_0 * A, int64_t m, int64_t k) {
    static std::mutex mutex;
    static std::vector<std::shared_ptr<Rough>> copies;
    const std::lock_guard<std::mutex> lock(mutex);
    const size_t size = (m - SPECIAL) / ROWS * k * sizeof(Tile);
    const size_t frees = __atomic_load_n(&earmark_frees, __ATOMIC_ACQUIRE);
    for (auto & copy : copies) {
        if (copy->of == A && copy->size == size) {
            if (copy->frees != frees && copy->hash != Rough::hash_of(A, m * k)) {
                copy = std::make_shared<Rough>(A, m, k);
            }
            copy->frees = frees;
            return copy;
        }
    }
    // Those not used since something was freed may be of models that are gone.
    copies.erase(std::remove_if(copies.begin(), copies.end(), [&](auto & copy) { return copy->frees != frees; }), copies.end());
    copies.push_back(std::make_shared<Rough>(A, m, k));
    copies.back()->frees = frees;
    return copies.back();
}

// False when these are no words; `row` computes one in full.
template <typename Row>
bool words_q8_0(int64_t m, int64_t k, const block_q8_0 * A, const block_q8_0 * B, const float * scales, const int32_t * excess,
                float * C, const Row & row) {
    if (m < WORDS || &earmark_frees == nullptr) {
        return false;
    }
    const std::shared_ptr<const Rough> rough = rough_copy(A, m, k);
    if (rough->tiles == nullptr) {
        return false;
    }
    rough->logits(B, scales, excess, C);
    const float enough = *std::max_element(C, C + rough->rows) - NEAR;
    for (int64_t i = 0; i < m; ++i) {
        if (i >= rough->rows || C[i] >= enough) {
            row(i);
        }
    }
    return true;
}

} // namespace earmark
