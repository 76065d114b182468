# Loops over samples.  orcc makes kernels.h and kernels.c of this file.  Float constants are written as their bits:
# 0x3e800000 is a quarter, 0x3f000000 a half, and
# 0x3e991687, 0x3f1645a2, 0x3de978d5 are .299, .587, .114.

.function alitra_orc_subtract
.dest 4 d float
.source 4 a float
.source 4 b float

subf d, a, b


.function alitra_orc_mean
.dest 4 d float
.source 4 a float
.source 4 b float
.temp 4 t

addf t, a, b
mulf d, t, 0x3f000000


# Means of 2x2 samples of two rows; n counts results.
.function alitra_orc_halve
.dest 4 d float
.source 8 a float
.source 8 b float
.temp 4 al
.temp 4 ah
.temp 4 bl
.temp 4 bh

splitql ah, al, a
splitql bh, bl, b
addf al, al, ah
addf bl, bl, bh
addf al, al, bl
mulf d, al, 0x3e800000


# d += s and d -= s.
.function alitra_orc_accumulate
.dest 4 d float
.source 4 s float

addf d, d, s


.function alitra_orc_take
.dest 4 d float
.source 4 s float

subf d, d, s


# Interleaved bytes: the first and the second of each pair.
.function alitra_orc_split
.dest 1 first guint8
.dest 1 second guint8
.source 2 s guint8

splitwb second, first, s


# Pixels of four bytes: the first three as floats.
.function alitra_orc_pixels_to_floats
.dest 4 first float
.dest 4 second float
.dest 4 third float
.source 4 s guint8
.floatparam 4 scale
.temp 2 low
.temp 2 high
.temp 1 b0
.temp 1 b1
.temp 1 b2
.temp 2 w
.temp 4 l
.temp 4 f

splitlw high, low, s
splitwb b1, b0, low
select0wb b2, high
convubw w, b0
convswl l, w
convlf f, l
mulf first, f, scale
convubw w, b1
convswl l, w
convlf f, l
mulf second, f, scale
convubw w, b2
convswl l, w
convlf f, l
mulf third, f, scale


# Luma minus a half of red, green and blue (BT.601).
.function alitra_orc_luma
.dest 4 d float
.source 4 r float
.source 4 g float
.source 4 b float
.temp 4 u
.temp 4 v

mulf u, r, 0x3e991687
mulf v, g, 0x3f1645a2
addf u, u, v
mulf v, b, 0x3de978d5
addf u, u, v
subf d, u, 0x3f000000


# Chroma of a colour 0..1 and of luma minus a half.
.function alitra_orc_chroma
.dest 4 d float
.source 4 colour float
.source 4 luma float
.floatparam 4 scale
.temp 4 t

subf t, colour, 0x3f000000
subf t, t, luma
mulf d, t, scale
