#!/usr/bin/env python3
"""What bench/compare and bench/growth reckon and draw, checked on figures that a
person can follow. Measures nothing.

usage: check.py
"""
import argparse
import contextlib
import io
import json
import math
import os
import struct
import sys
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path
from unittest import mock

import agreement
import chart
import checkpoint
import convert
import engines
import environment
import growth
import limits
import lines
import main as compare
import report
import roofline
from roofline import Machine, Shape, Stored, Work

ENGINES = [{"name": "encdec f32", "family": "encdec", "type": "f32", "quality": "f32",
            "setting": None, "versions": {"encdec": "encdec 0"}},
           {"name": "peer f32", "family": "openvino", "type": "f32", "quality": "f32",
            "setting": {"STREAMS": "1"}, "versions": {"peer": "1"}}]


class Engine:
    def __init__(self, description):
        self.__dict__.update(description)
        self.level, self.bandwidths = "v3", [20.0, 30.0, 25.0]


def comparison(samples):
    tasks = [engines.Workload("step & more", "decode", 2, 1, 8, 4)]
    all_engines = [Engine(engine) for engine in ENGINES]
    result = report.summary(all_engines, tasks, {"step & more": samples})
    result["engines"].append(report.absent(
        "OpenVINO int8", environment.PEERS["OpenVINO int8"]))
    rows = [agreement.agreement(
        tasks[0], {"encdec f32": [[1, 2], [3, 4]], "peer f32": [[1, 2], [3, 5]]},
        [[1, 2], [3, 4]], {"encdec f32": [[0, 0], [0, 0]], "peer f32": [[0, 0], [0, 2]]})]
    result["machine"] = report.machine(all_engines, "a CPU", [0, 1], [0.5, 1.0])
    result["machine"]["peaks_gmac_s"] = {"f32": 50.0}
    return result | {
        "date": "2026-01-01", "rounds": 1, "model": "a < b", "agreement": rows,
        "left_out": {"OpenVINO int8": "conversion failed: no reason"},
        "least_ms": {"step & more": {"f32": 1.5, "int8": 0.5}},
        "failures": {"peer f32, step & more, first run": ["lengths [3]"]}, "wrong": []}


class Report(unittest.TestCase):
    def test_a_row_is_a_median_and_a_ratio(self):
        row = comparison({"encdec f32": [2.0, 1.0, 4.0], "peer f32": [6.0]})["rows"][0]
        self.assertEqual(row["ms"], {"encdec f32": 2.0, "peer f32": 6.0})
        self.assertEqual(row["ratios"]["f32"]["ratio"], 3.0)

    def test_the_table_shows_what_was_left_out_and_why(self):
        text = report.text(comparison({"encdec f32": [2.0], "peer f32": [6.0]}))
        self.assertIn("| step & more | 2* | 6* | - | 1.5 | 0.5 | 3.00 | - |", text)
        self.assertIn("Left out: OpenVINO int8: conversion failed: no reason", text)
        self.assertIn("Setting of peer f32: STREAMS 1.", text)
        self.assertIn("lengths [3]", text)
        self.assertIn("reads 25.0 GB/s; one core 50.0 GMAC/s f32; load 0.5", text)

    def test_an_engine_without_samples_has_a_dash(self):
        text = report.text(comparison({"encdec f32": [2.0], "peer f32": []}))
        self.assertIn("| step & more | 2 | - | - | 1.5 | 0.5 | - | - |", text)

    def test_the_chart_is_xml_with_a_bar_for_each_figure(self):
        result = comparison({"encdec f32": [2.0], "peer f32": [6.0]})
        picture = xml.dom.minidom.parseString(chart.svg(result))
        bars = [bar for bar in picture.getElementsByTagName("rect") if bar.hasAttribute("y")]
        self.assertEqual([float(bar.getAttribute("width")) for bar in bars],
                         [round(chart.FULL / 3, 1), chart.FULL])

    def test_results_are_json(self):
        json.dumps(comparison({"encdec f32": [2.0], "peer f32": []}))


class Agreement(unittest.TestCase):
    task = engines.Workload("t", "decode", 1, 1, 8, 4)

    def wrong(self, quality, gaps):
        engine = {**ENGINES[0], "quality": quality}
        return agreement.wrong([agreement.agreement(
            self.task, {"encdec f32": [[1, 2]]}, [[1, 2]], {"encdec f32": [gaps]})], [engine])

    def test_sources_and_tokens_are_counted(self):
        row = comparison({"encdec f32": [2.0], "peer f32": [6.0]})["agreement"][0]
        self.assertEqual(row["same"], {"encdec f32": 2, "peer f32": 1})
        self.assertEqual(row["chosen"], {"encdec f32": 1.0, "peer f32": 0.75})

    def test_a_near_tie_is_not_wrong(self):
        self.assertEqual(self.wrong("f32", [0, 1e-5]), [])
        self.assertEqual(self.wrong("int8", [0, 0.3]), [])

    def test_another_token_is_wrong(self):
        self.assertIn("encdec f32, t: a token lies 0.02", self.wrong("f32", [0, 0.02])[0])
        self.assertIn("in the mean", self.wrong("int8", [4, 3])[0])
        self.assertEqual(len(self.wrong("f32", [0, math.nan])), 1)

    def test_only_encdec_makes_the_program_fail(self):
        result = comparison({"encdec f32": [2.0], "peer f32": [6.0]})
        self.assertEqual(compare.wrong_of(result), [])
        result["failures"]["encdec f32, step & more"] = ["it broke"]
        self.assertEqual(compare.wrong_of(result), ["encdec f32, step & more: it broke"])


class Peers(unittest.TestCase):
    def left_out(self, **replaced):
        options = argparse.Namespace(only=["ctranslate2"], quality=None, short=True, threads=1)
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            for name, value in replaced.items():
                stack.enter_context(mock.patch.object(environment, name, value))
            stack.enter_context(mock.patch.object(
                engines, "python_of", lambda environment: sys.executable))
            found, left_out, _ = compare.start_peers(options, Path("nowhere"), 10)
        self.assertEqual(found, [])
        self.assertEqual(list(left_out), ["CTranslate2 f32", "CTranslate2 int8"])
        return left_out["CTranslate2 f32"]

    def test_what_cannot_be_installed_is_left_out(self):
        self.assertEqual(self.left_out(install=lambda name: "no index"), "no index")

    def test_what_cannot_be_converted_is_left_out(self):
        self.assertEqual(self.left_out(
            install=lambda name: None,
            peer_form=lambda *arguments: (None, "conversion failed: so")),
            "conversion failed: so")

    def test_what_does_not_start_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("its process ended", self.left_out(
                install=lambda name: None,
                peer_form=lambda *arguments: (Path(folder, "form"), None)))


class Roofline(unittest.TestCase):
    shape = Shape(512, 2048, 2048, 6, 6, 58101)
    stored = Stored(75_000_000, 52_000_000, 24576, 24576)
    machine = Machine(2, {"f32": 50e9, "int": 100e9},
                      ((1, 32 << 10, 200e9), (2, 512 << 10, 100e9), (3, 32 << 20, 50e9)))

    def test_a_step_of_an_opus_model(self):
        work = roofline.step(self.shape, self.stored, 1, 1, 32, 0)
        # 18.9 M weights in layers, 29.7 M in the vocabulary, and the keys.
        self.assertEqual(work.macs, 6 * (6 + 8) * 512 * 512 + 512 * 58101
                         + 6 * 2 * 512 * 32)
        self.assertEqual(work.bytes, 52_000_000 + 32 * 24576)

    def test_rows_share_weights_and_beams_the_source(self):
        one, four, beams = (
            roofline.step(self.shape, self.stored, *rows, 32, 16)
            for rows in ((1, 1), (4, 1), (1, 4)))
        self.assertEqual(four.macs, 4 * one.macs)
        self.assertEqual(beams.macs, 4 * one.macs)
        self.assertEqual(four.bytes - one.bytes, 3 * 48 * 24576)
        self.assertEqual(beams.bytes - one.bytes, 3 * 16 * 24576)

    def test_a_workload_is_a_step_an_encoding_or_both(self):
        def seconds(kind):
            return roofline.workload(
                kind, self.shape, self.stored, self.machine, "f32", 2, 30e9,
                batch=1, beams=1, source=8, new_tokens=1)
        self.assertAlmostEqual(seconds("first"), seconds("encode") + seconds("decode"))
        self.assertAlmostEqual(seconds("decode"), (52_000_000 + 9 * 24576) / 30e9)

    def test_an_encoding_grows_with_the_square_of_its_length(self):
        def work(source):
            return roofline.encode(self.shape, self.stored, 1, source).macs
        self.assertEqual(work(200) - 2 * work(100), 6 * 2 * 512 * (200 ** 2 - 2 * 100 ** 2))

    def test_the_limit_that_takes_longest_counts(self):
        few, many = Work(60e6, 50e6), Work(60e6, 4e9)
        self.assertEqual(roofline.least(few, self.machine, "f32", 2, 30e9),
                         (60e6 / 30e9, "memory"))
        self.assertEqual(roofline.least(many, self.machine, "f32", 2, 30e9),
                         (0.04, "arithmetic"))
        self.assertEqual(roofline.least(many, self.machine, "int8-dynamic", 1, 30e9),
                         (0.04, "arithmetic"))

    def test_what_fits_a_cache_is_read_from_there(self):
        self.assertEqual(roofline.bandwidth(Work(10e6, 0), self.machine, 2, 30e9),
                         (100e9, "L3"))
        self.assertEqual(roofline.bandwidth(Work(500e3, 0), self.machine, 2, 30e9),
                         (200e9, "L2"))
        self.assertEqual(roofline.bandwidth(Work(20e6, 0), self.machine, 2, 30e9),
                         (30e9, "memory"))

    def test_threads_beyond_the_cores_add_nothing(self):
        work = Work(10e6, 4e9)
        self.assertEqual(roofline.least(work, self.machine, "f32", 4, 30e9),
                         roofline.least(work, self.machine, "f32", 2, 30e9))


class Growth(unittest.TestCase):
    def result(self):
        series = growth.all_series(short=True, cores=2)
        found = {}
        for one in series:
            for _, point in one.points:
                for weights in ("f32", "int8-dynamic"):
                    found[point, weights] = growth.measured(
                        point, ("step", "encode"), Roofline.machine, weights,
                        Roofline.stored, {"read_bandwidth": 20.0, "step_ms": 3.9,
                                          "encode_ms": 1e4})
        return {"date": "2026-01-01", "encdec": "encdec 0", "weights": ["f32", "int8-dynamic"],
                "machine": {"cpu": "a CPU", "cores": 2, "load_before_after": [0.5, 1.0],
                            "peaks": Roofline.machine.peaks},
                "series": growth.summary(series, found, ["f32", "int8-dynamic"])}

    def test_every_series_has_rising_points(self):
        for short in (True, False):
            for one in growth.all_series(short, 2):
                xs = [x for x, _ in one.points]
                self.assertEqual(xs, sorted(set(xs)))

    def test_positions_hold_the_longest_source_and_output(self):
        series = growth.all_series(False, 2)
        self.assertEqual(growth.positions_needed(series), 2001)

    def test_the_table_marks_what_leaves_the_least_time(self):
        text = growth.text(self.result())
        # 52 MB of weights and 64 keys at 20 GB/s are 2.68 ms; 3.9 ms are 1.46 of that.
        self.assertIn("| layers | 1 | 3.9 | 2.68 | 1.46 | memory |", text)
        self.assertRegex(text, r"\| encoding \| 8 \| 10000 \| [^|]+ \| \d+\.\d\d! \|")

    def test_the_chart_is_xml_with_a_panel_for_each_series(self):
        result = self.result()
        picture = xml.dom.minidom.parseString(lines.svg(result))
        points = picture.getElementsByTagName("circle")
        self.assertEqual(len(points), 2 * sum(len(one["points"]) for one in result["series"]))
        for point in points:
            self.assertTrue(math.isfinite(float(point.getAttribute("cy"))))


class Checkpoints(unittest.TestCase):
    spec = {"d_model": 64, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn": 128,
            "decoder_ffn": 128, "vocab": 1500, "positions": 16}

    def test_the_same_specification_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name in ("one", "two"):
                checkpoint.write(self.spec, os.path.join(folder, name))
                files.append(Path(folder, name, "model.safetensors").read_bytes())
        self.assertEqual(files[0], files[1])

    def test_the_pad_row_alone_is_zero(self):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.write(self.spec, folder)
            data = Path(folder, "model.safetensors").read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        first, last = json.loads(data[8:8 + size])["model.shared.weight"]["data_offsets"]
        table = struct.unpack(f"<{1500 * 64}f", data[8 + size + first:8 + size + last])
        rows = [table[row * 64:row * 64 + 64] for row in range(1500)]
        self.assertEqual([row for row in range(1500) if not any(rows[row])], [1499])
        self.assertEqual(len(set(rows)), 1500)


class Sizes(unittest.TestCase):
    def small(self, size):
        return {**checkpoint.SIZES[size], "d_model": 64, "encoder_layers": 1,
                "decoder_layers": 1, "vocab": 300}

    def written(self, size):
        """config.json and the names of the tensors."""
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.write(self.small(size), folder)
            data = Path(folder, "model.safetensors").read_bytes()
            config = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
        return config, json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])

    def test_each_size_is_a_checkpoint_of_its_family(self):
        types = {}
        for size in checkpoint.SIZES:
            config, tensors = self.written(size)
            types[size] = config["model_type"]
            self.assertIn("shared.weight", {name.removeprefix("model.") for name in tensors})
        self.assertEqual(types, {"opus": "marian", "t5-base": "t5", "nllb-600m": "m2m_100",
                                 "bart-large": "bart"})

    def test_the_converter_of_bart_finds_its_old_keys(self):
        self.assertIs(self.written("bart-large")[0]["normalize_before"], False)

    def test_a_shape_is_read_from_either_kind_of_config(self):
        self.assertEqual(limits.shape_of(self.written("bart-large")[0]),
                         Shape(64, 4096, 4096, 1, 1, 300))
        self.assertEqual(limits.shape_of(self.written("t5-base")[0]),
                         Shape(64, 3072, 3072, 1, 1, 300))
        gated = {**self.written("t5-base")[0], "feed_forward_proj": "gated-gelu"}
        self.assertEqual(limits.shape_of(gated).encoder_ffn, 4608)

    def test_a_long_source_adds_three_workloads(self):
        names = [task.name for task in engines.workloads(False, 512)]
        self.assertEqual(names[-3:], ["step, source 512, batch 1, greedy",
                                      "step, source 512, batch 1, beams 4", "encode 1 x 512"])
        self.assertEqual(len(names), len(engines.workloads(False)) + 3)

    def test_a_pad_has_a_name_of_its_own_only_where_it_is_last(self):
        last, first = (convert.NumberTokenizer(
            {"vocab_size": 3, "pad_token_id": pad, "eos_token_id": 1}) for pad in (2, 0))
        self.assertEqual(last.get_vocab(), {"t0": 0, "t1": 1, "<pad>": 2})
        self.assertEqual(first.get_vocab(), {"t0": 0, "t1": 1, "t2": 2})


class Forms(unittest.TestCase):
    def test_a_form_is_made_once_and_never_half(self):
        calls = []

        def make(problem):
            def make_part(part):
                calls.append(problem)
                part.mkdir()
                return problem
            return make_part

        with tempfile.TemporaryDirectory() as folder:
            form = Path(folder, "form")
            self.assertEqual(environment.made_once(form, make("it broke")), "it broke")
            self.assertFalse(form.exists())
            self.assertIsNone(environment.made_once(form, make(None)))
            self.assertIsNone(environment.made_once(form, make("not called")))
        self.assertEqual(calls, ["it broke", None])

    def test_sources_are_those_of_encdec_bench(self):
        task = engines.Workload("t", "decode", 2, 1, 2, 4)
        self.assertEqual(engines.source_ids(task, 1000), [[271, 794], [886, 637]])


if __name__ == "__main__":
    unittest.main()
