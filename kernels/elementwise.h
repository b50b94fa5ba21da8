/* Element by element functions of whisper.cpp in a form that compilers turn into vector instructions. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

/* 2 to the power of x, to 2e-7 of it: Taylor's series in the remainder, the whole part as exponent. */
static inline float earmark_exp2(float x) {
    x = x < -126.0f ? -126.0f : x;
    x = x > 126.0f ? 126.0f : x;
    const float shifted = x + 12582912.0f; /* 1.5 * 2^23: the sum has no room for a fraction */
    const float whole = shifted - 12582912.0f;
    const float r = x - whole;
    const float series =
        1.0f + r * (0.69314718f + r * (0.24022651f + r * (0.05550411f + r * (0.00961813f + r * (0.00133336f + r * 0.00015469f)))));
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof(bits));
    bits = (bits << 23) + 0x3f800000u;
    float power;
    memcpy(&power, &bits, sizeof(power));
    return series * power;
}

/* GELU in its tanh form, as Whisper was trained with it there: x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
static inline void earmark_gelu(int n, float * y, const float * x) {
    for (int i = 0; i < n; ++i) {
        y[i] = x[i] / (1.0f + earmark_exp2(x[i] * (-2.30220818f - 0.10294324f * x[i] * x[i])));
    }
}

static inline float earmark_max(int n, const float * x) {
    float lanes[16];
    for (int j = 0; j < 16; ++j) {
        lanes[j] = -INFINITY;
    }
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int j = 0; j < 16; ++j) {
            lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
        }
    }
    float max = -INFINITY;
    for (int j = 0; j < 16; ++j) {
        max = lanes[j] > max ? lanes[j] : max;
    }
    for (; i < n; ++i) {
        max = x[i] > max ? x[i] : max;
    }
    return max;
}
