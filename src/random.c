/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "random.h"

guint64
alitra_random_next (AlitraRandom * random)
{
  guint64 z = *random += G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);

  z = (z ^ z >> 30) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * G_GUINT64_CONSTANT (0x94D049BB133111EB);
  return z ^ z >> 31;
}

AlitraRandom
alitra_random_start (guint64 seed, guint64 first, guint64 second)
{
  AlitraRandom random = seed;

  random = alitra_random_next (&random) ^ first;
  random = alitra_random_next (&random) ^ second;
  return alitra_random_next (&random);
}

float
alitra_random_unit (AlitraRandom * random)
{
  return (alitra_random_next (random) >> 40) * 0x1p-24f;
}

guint
alitra_random_below (AlitraRandom * random, guint n)
{
  return (alitra_random_next (random) >> 32) * n >> 32;
}
