/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digest.h"

#include <string.h>
#ifdef ALITRA_HAVE_X86
#include <cpuid.h>
#include <immintrin.h>
#endif

void
alitra_digest_plain (const guint8 * data, gsize size,
    guint8 digest[ALITRA_DIGEST_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = ALITRA_DIGEST_SIZE;

  g_checksum_update (checksum, data, size);
  g_checksum_get_digest (checksum, digest, &length);
}

#ifdef ALITRA_HAVE_X86
#define BLOCK 64
#define TARGET __attribute__((target ("sha,sse4.1")))

/* FIPS 180-4: the first bits of the cube roots of the first 64 primes, and of the square roots of the first eight. */
static const guint32 constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
  0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
  0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
  0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static const guint32 start[8] = {
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
  0x1f83d9ab, 0x5be0cd19
};

/* The eight numbers of the state as the instructions have them. */
typedef struct
{
  __m128i abef, cdgh;
} State;

/* Four words of the message that follow 16 others. */
TARGET static inline __m128i
next_words (const __m128i words[4])
{
  const __m128i sum = _mm_add_epi32 (_mm_sha256msg1_epu32 (words[0], words[1]),
      _mm_alignr_epi8 (words[3], words[2], 4));

  return _mm_sha256msg2_epu32 (sum, words[3]);
}

TARGET static inline void
four_rounds (State * s, __m128i words, const guint32 * k)
{
  const __m128i sum = _mm_add_epi32 (words,
      _mm_loadu_si128 ((const __m128i *) k));

  s->cdgh = _mm_sha256rnds2_epu32 (s->cdgh, s->abef, sum);
  s->abef = _mm_sha256rnds2_epu32 (s->abef, s->cdgh, _mm_shuffle_epi32 (sum,
          0x0e));
}

TARGET static void
add_block (State * state, const guint8 * block)
{
  const __m128i big_endian = _mm_set_epi8 (12, 13, 14, 15, 8, 9, 10, 11, 4, 5,
      6, 7, 0, 1, 2, 3);
  State s = *state;
  __m128i words[4];
  guint i;

  for (i = 0; i < 4; i++)
    words[i] = _mm_shuffle_epi8 (_mm_loadu_si128 ((const __m128i *) (block
                + 16 * i)), big_endian);
  for (i = 0; i < 16; i++) {
    const __m128i now = words[0], next = next_words (words);

    four_rounds (&s, now, constants + 4 * i);
    words[0] = words[1];
    words[1] = words[2];
    words[2] = words[3];
    words[3] = next;
  }
  state->abef = _mm_add_epi32 (state->abef, s.abef);
  state->cdgh = _mm_add_epi32 (state->cdgh, s.cdgh);
}

TARGET static void
digest_fast (const guint8 * data, gsize size, guint8 * digest)
{
  State state = { _mm_set_epi32 (start[0], start[1], start[4], start[5]),
    _mm_set_epi32 (start[2], start[3], start[6], start[7])
  };
  const gsize whole = size / BLOCK * BLOCK, rest = size - whole;
  const guint64 bits = GUINT64_TO_BE ((guint64) size * 8);
  const guint last = rest + 9 > BLOCK ? 2 * BLOCK : BLOCK;
  guint8 end[2 * BLOCK] = { 0 };
  guint32 abef[4], cdgh[4];
  gsize at;

  for (at = 0; at < whole; at += BLOCK)
    add_block (&state, data + at);
  if (rest > 0)
    memcpy (end, data + whole, rest);
  end[rest] = 0x80;
  memcpy (end + last - 8, &bits, 8);
  for (at = 0; at < last; at += BLOCK)
    add_block (&state, end + at);
  _mm_storeu_si128 ((__m128i *) abef, state.abef);
  _mm_storeu_si128 ((__m128i *) cdgh, state.cdgh);
  {
    const guint32 all[8] = { abef[3], abef[2], cdgh[3], cdgh[2], abef[1],
      abef[0], cdgh[1], cdgh[0]
    };
    guint i;

    for (i = 0; i < 8; i++) {
      const guint32 word = GUINT32_TO_BE (all[i]);

      memcpy (digest + 4 * i, &word, 4);
    }
  }
}

static gboolean
has_instructions (void)
{
  guint a, b, c, d;

  return __get_cpuid_count (7, 0, &a, &b, &c, &d) && b & bit_SHA
      && __builtin_cpu_supports ("sse4.1");
}
#endif

void
alitra_digest (const guint8 * data, gsize size,
    guint8 digest[ALITRA_DIGEST_SIZE])
{
#ifdef ALITRA_HAVE_X86
  if (has_instructions ()) {
    digest_fast (data, size, digest);
    return;
  }
#endif
  alitra_digest_plain (data, size, digest);
}
