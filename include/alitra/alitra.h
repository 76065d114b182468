/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_H
#define ALITRA_H

#include <alitra/classifier.h>
#include <alitra/detokenizer.h>
#include <alitra/error.h>
#include <alitra/frame.h>
#include <alitra/generator.h>
#include <alitra/memory.h>
#include <alitra/model.h>
#include <alitra/overlay.h>
#include <alitra/packet.h>
#include <alitra/tensor.h>
#include <alitra/tokenizer.h>
#include <alitra/transformer.h>
#include <alitra/version.h>

#endif
