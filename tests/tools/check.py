#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""alitra-check: says what is there, and fails where something is wrong."""
import json
import struct
import unittest

from toolrun import SOURCE, ToolCase, run

MODEL = SOURCE / 'models/alitra-base.safetensors'


class Check(ToolCase):
    def test_all_is_well(self):
        done = run('alitra-check', '--seconds', 0)
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, text + done.stderr.decode())
        for words in ('libalitra', 'ORC', 'alitra-base', 'products', 'ok     both ends hold the same tokens',
                      'ok     any number of threads', 'ok     damage is noticed', 'ms to encode', 'all is well'):
            self.assertIn(words, text)
        self.assertNotIn('FAILED', text)
        self.assertIn(str(MODEL), text)

    def test_other_loops(self):
        done = run('alitra-check', '--seconds', 0, ORC_CODE='backup')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn(b'plain C', done.stdout)

    def test_no_model(self):
        for arguments, more in ((), {'ALITRA_MODEL_PATH': str(self.folder)}), (('--model', '/nowhere'), {}):
            done = run('alitra-check', *arguments, **more)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'ALITRA_MODEL_PATH', done.stderr)
            self.assertNotIn(b'all is well', done.stdout)

    def test_useless_weights(self):
        """A model file that can be read, but whose codes are all zero, describes nothing."""
        data = bytearray(MODEL.read_bytes())
        begin = 8 + struct.unpack('<Q', data[:8])[0]
        for name, tensor in json.loads(data[8:begin]).items():
            if not name.endswith(('.classes', '.weights', '__metadata__')):
                first, end = (begin + at for at in tensor['data_offsets'])
                data[first:end] = bytes(end - first)
        useless = self.folder / 'useless.safetensors'
        useless.write_bytes(data)
        done = run('alitra-check', '--seconds', 0, '--model', useless)
        self.assertEqual(done.returncode, 1, done.stdout.decode())
        self.assertIn(b'FAILED', done.stdout)
        self.assertNotIn(b'all is well', done.stdout)

    def test_wrong_use(self):
        for arguments in ('--seconds', '-1'), ('x',), ('--no-such-option',):
            self.assertEqual(run('alitra-check', *arguments).returncode, 1)


if __name__ == '__main__':
    unittest.main(verbosity=2)
