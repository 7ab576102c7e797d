#!/usr/bin/env python3
"""encdec generate as its user meets it: texts and ids in, answers out, and limits."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import tty
import unittest

from support import ENCDEC, EXAMPLE, OUT, TESTS, TEXTS, Cli, compile_model, feed, run, start


class Generate(Cli):
    def test_results_only_on_stdout(self):
        result = run("generate", self.bundle, *self.words)
        self.assertEqual(len(result.stdout.splitlines()), len(TEXTS))
        self.assertEqual(result.stderr, "")

    def test_json_in_input_order(self):
        plain = run("generate", self.bundle, *self.words).stdout.splitlines()
        lines = [json.loads(line) for line in
                 run("generate", self.bundle, "--json", *self.words).stdout.splitlines()]
        self.assertEqual([line["text"] for line in lines], plain)
        self.assertEqual(len(set(plain)), len(TEXTS), "texts that tell the order")
        penalty = self.manifest()["generation"].get("length_penalty", 1.0)
        for line in lines:
            self.assertEqual(list(line), ["ids", "text", "score", "log_prob"])
            self.assertTrue(all(isinstance(token, int) for token in line["ids"]))
            self.assertLess(line["log_prob"], 0)
            self.assertAlmostEqual(line["score"],
                                   line["log_prob"] / len(line["ids"]) ** penalty, places=9)

    def manifest(self):
        return json.loads(run("inspect", self.bundle, "--json").stdout)["manifest"]

    def test_lines_of_standard_input(self):
        """More lines than go together; empty ones, CRLF and a last one without end."""
        lines = (TEXTS + [""]) * 9
        expected = run("generate", self.bundle, *self.words).stdout.splitlines()
        result = feed("\r\n".join(lines), "generate", self.bundle)
        self.assertEqual(result.returncode, 0, result.stderr)
        got = result.stdout.split("\n")
        # The last line is empty and has no newline: it is no line.
        self.assertEqual(got.pop(), "")
        self.assertEqual(len(got), len(lines) - 1)
        for i, line in enumerate(got):
            if lines[i]:
                self.assertEqual(line, expected[i % len(lines[:5])])

    def test_a_blank_line_stays_blank(self):
        text = "\nYes.\n \t\r\n"
        result = feed(text, "generate", self.bundle, "--nbest", 2)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.split("\n")
        self.assertEqual(([bool(line) for line in lines]), [False] * 2 + [True] * 2 + [False] * 3)
        lines = [json.loads(line) for line in
                 feed(text, "generate", self.bundle, "--json").stdout.splitlines()]
        self.assertEqual(lines[0], {"ids": [], "text": "", "score": None, "log_prob": None})
        self.assertEqual(lines[0], lines[2])
        self.assertTrue(lines[1]["text"])
        # The reference translates even the empty sentence.
        lines = feed(text, "generate", self.bundle, "--keep-empty").stdout.splitlines()
        self.assertEqual(lines[0], lines[2])
        self.assertTrue(all(lines))
        self.assertEqual(feed("", "generate", self.bundle).stdout, "")

    def test_streams(self):
        """Each line is answered when it arrives, not at the end of input."""
        process = start("generate", self.bundle)
        for text in TEXTS[:2]:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            self.assertTrue(process.stdout.readline().strip())
        self.assertEqual(process.communicate()[0], "")
        self.assertEqual(process.returncode, 0)

    def test_pieces_join_to_the_text(self):
        lines = (TESTS / "data" / "en-fr-1000.tsv").read_text().splitlines()[:300]
        text = "".join(line.split("\t")[0] + "\n" for line in lines)
        for beams in (1, 4):
            words = ["generate", self.bundle, "--beams", beams]
            plain = feed(text, *words).stdout
            self.assertEqual(feed(text, *words, "--stream").stdout, plain)
            whole = feed(text, *words, "--json").stdout.splitlines()
            pieces, answers = {}, []
            for line in feed(text, *words, "--json", "--stream").stdout.splitlines():
                piece = json.loads(line)
                if "line" not in piece:
                    answers.append(line)
                    continue
                self.assertEqual(list(piece), ["line", "tokens", "text"])
                self.assertEqual(piece["line"], len(answers) + 1, "pieces in input order")
                pieces.setdefault(piece["line"], []).append(piece)
            self.assertEqual(answers, whole)
            self.assertGreater(sum(map(len, pieces.values())), len(lines))
            for number, answer in enumerate(map(json.loads, answers), 1):
                self.assertEqual("".join(p["text"] for p in pieces[number]), answer["text"])
                self.assertEqual(sum((p["tokens"] for p in pieces[number]), []), answer["ids"])

    def test_pieces_come_early(self):
        """The first piece of a text is there before its last one, without a tokenizer too."""
        for bundle, option, source in ((self.bundle, "--text", TEXTS[1]),
                                       (self.ids_only, "--ids", "1217 2 0")):
            words = ["generate", bundle, "--beams", 1, "--stream", option, source]
            plain = run(*words[:4], option, source).stdout
            tries = [pieces_of(*words) for _ in range(20)]  # what is written may meet on its way
            self.assertEqual({"".join(pieces) for pieces in tries}, {plain})
            self.assertGreater(max(map(len, tries)), 1)
            pieces = run(*words, "--json").stdout.splitlines()[:-1]
            self.assertGreater(len(pieces), 2)

    def test_one_hypothesis_streams(self):
        self.refused(2, "generate", self.bundle, "--text", "Yes.", "--stream", "--nbest", 2,
                     says=["--stream", "num_return_sequences is 2"])

    def test_draws_differ_by_line_alone(self):
        words = ["generate", self.bundle, "--beams", 1, "--do-sample", "--seed", 7]
        lines = [TEXTS[1]] * 80
        lines[20] = ""
        together = feed("\n".join(lines), *words).stdout.splitlines()
        self.assertGreater(len(set(together)), 10, "draws of lines differ")
        for number in (0, 19, 20, 21, 79):
            alone = feed(lines[number] + "\n", *words, "--generation-id", number).stdout
            self.assertEqual(alone, together[number] + "\n")

    def test_token_limits(self):
        for words, least, most in ((["--max-new-tokens", "3"], 1, 3),
                                   (["--min-new-tokens", "12", "--max-new-tokens", "12"], 12, 12)):
            result = run("generate", self.bundle, "--json", *words, *self.words)
            for line in result.stdout.splitlines():
                self.assertTrue(least <= len(json.loads(line)["ids"]) <= most, line)

    def test_one_text_finds_room(self):
        """for alternatives, each of which is a search, and for what coverage records"""
        found = run("generate", self.bundle, "--text", "Hello.", "--return-alternatives", "--nbest",
                    "3")
        self.assertEqual(len(found.stdout.splitlines()), 3, found.stderr)
        covered = run("generate", self.bundle, "--text", "Hello.", "--coverage-penalty", "0.3")
        self.assertEqual((covered.returncode, covered.stderr), (0, ""))

    def test_a_time_that_is_up_is_warned_of(self):
        late = run("generate", self.bundle, "--text", "Where is the station?", "--max-time", "1e-9")
        self.assertIn("max_time of 1e-09 seconds has ended the output", late.stderr)

    def test_threads_change_nothing(self):
        one, two = (run("generate", self.bundle, "--json", "--threads", threads,
                        *self.words).stdout for threads in (1, 2))
        self.assertEqual(one, two)

    def test_ids_without_tokenizer(self):
        ids = "1217 2 0"
        result = run("generate", self.ids_only, "--json", "--ids", ids, "--ids", "5,17,0")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(lines), 2)
        self.assertIsNone(lines[0]["text"])
        # The weights are the same, so the ids are those of the model with a tokenizer.
        other = json.loads(run("generate", self.bundle, "--json", "--ids", ids).stdout)
        self.assertEqual(lines[0]["ids"], other["ids"])
        plain = run("generate", self.ids_only, "--ids", ids).stdout
        self.assertEqual(plain.split(), [str(token) for token in other["ids"]])
        self.refused(2, "generate", self.ids_only, "--text", "Yes.", says=["--ids"])

    def test_a_source_too_long_gets_its_error(self):
        positions = self.manifest()["model"]["max_positions"]
        long, most = "house " * (positions + 8), f"the model's {positions} positions"
        answer = run("generate", self.bundle, "--text", TEXTS[0]).stdout
        text = f"{TEXTS[0]}\n{long}\n\n{long}\n{TEXTS[0]}\n"
        result = feed(text, "generate", self.bundle)
        self.assertEqual(result.returncode, 5)
        self.assertEqual(result.stdout, answer + "\n\n\n" + answer)
        messages = result.stderr.splitlines()
        self.assertEqual(len(messages), 2)
        for message, line in zip(messages, (2, 4)):
            for part in (f"error: line {line}: ", most, "truncate"):
                self.assertIn(part, message)
        lines = [json.loads(line) for line in
                 feed(text, "generate", self.bundle, "--json").stdout.splitlines()]
        self.assertEqual(["error" in line for line in lines], [False, True, False, True, False])
        self.assertIn(most, lines[1]["error"])
        self.assertEqual((lines[1]["ids"], lines[1]["text"], lines[1]["score"]), ([], None, None))
        self.assertEqual(lines[0], lines[4])
        # The same for sources of the command line.
        for option, one in (("--text", long), ("--ids", "5 " * (positions + 1))):
            result = run("generate", self.bundle, option, one, check=False)
            self.assertEqual((result.returncode, result.stdout), (5, "\n"))
            self.assertIn(f"error: {option} 1: ", result.stderr)
        # The lines before are answered, then the command ends.
        result = feed(text, "generate", self.bundle, "--fail-fast")
        self.assertEqual((result.returncode, result.stdout), (5, answer))
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("error: line 2: ", result.stderr)

    def test_truncate_says_what_is_cut(self):
        positions = self.manifest()["model"]["max_positions"]
        words = ["generate", self.bundle, "--truncate", "--max-new-tokens", 4, "--json"]
        for option, one in (("--text", "house " * positions), ("--ids", "5 " * (positions + 1))):
            result = run(*words, "--text" if option == "--text" else "--ids",
                         "Yes." if option == "--text" else "5", option, one)
            first, second = map(json.loads, result.stdout.splitlines())
            self.assertNotIn("truncated", first)
            self.assertEqual(second["truncated"], 1)
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertIn(f"warning: {option} 2: ", result.stderr)
            self.assertIn("1 were cut off", result.stderr)

    def test_broken_utf8_is_warned_of(self):
        result = subprocess.run([ENCDEC, "generate", self.bundle],
                                input=b"Yes.\n\xff hello\nYes.\n", capture_output=True)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(len(result.stdout.splitlines()), 3)
        self.assertIn(b"warning: line 2: the text is not all UTF-8", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_a_token_that_needs_no_step(self):
        """The end token alone, forced: all that is asked for is there, with zeros."""
        words = ["generate", self.bundle, "--text", "Yes.", "--max-new-tokens", 1]
        self.assertEqual(run(*words, "--coverage-penalty", 1).stdout, "\n")
        for ending in ("svg", "html", "json", "txt"):
            path = OUT / f"forced.{ending}"
            path.unlink(missing_ok=True)
            run(*words, "--alignments", path)
            self.assertGreater(path.stat().st_size, 0)
        for text in ("I saw {name}.", "<b>Tom</b>"):
            self.assertEqual(feed(f"{text}\n", "translate", self.bundle, "--markup",
                                  "--max-new-tokens", 1).returncode, 0)

    def test_what_transformers_has_is_refused_by_name(self):
        self.refused(2, "generate", self.bundle, "--text", "Yes.", "--guidance-scale", 2,
                     says=["--guidance-scale is not supported: Transformers' guidance"])

    def test_values_of_flags(self):
        words = ["generate", self.bundle, "--text", "Yes.", "--beams", 1]
        self.assertEqual(run(*words, "--do-sample=false").stdout, run(*words).stdout)
        self.refused(2, *words, "--do-sample", "false", says=["'false'", "as in --FLAG=false"])

    def test_idle_options_are_warned_of(self):
        words = ["generate", self.bundle, "--text", "Yes.", "--beams", 1]
        plain = run(*words)
        self.assertEqual(plain.stderr, "")
        idle = run(*words, "--top-k", 5, "--early-stopping", "true", "--temperature", 1)
        self.assertEqual(idle.stdout, plain.stdout)
        self.assertEqual(idle.stderr.splitlines(),
                         ["encdec: warning: --early-stopping: has no effect here; it acts where "
                          "num_beams is above 1",
                          "encdec: warning: --top-k: has no effect here; it acts where do_sample "
                          "is true"])
        self.assertEqual(run(*words, "--top-k", 5, "--do-sample").stderr, "")

    def test_a_row_without_a_name(self):
        """The vocabulary's table may be padded; a bias may choose what has no piece."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        padded_copy(EXAMPLE, folder / "padded", rows=16)
        bundle = compile_model(folder / "padded", f"{folder.name}.encdec", "--quiet")
        self.addCleanup(bundle.unlink)
        result = run("generate", bundle, *self.words, "--json", "--max-new-tokens", 3)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(lines), len(TEXTS))
        names = len(json.loads((EXAMPLE / "vocab.json").read_text()))
        for line in lines:
            self.assertEqual(line["ids"], [names + 15] * 2 + [0])
            self.assertEqual(line["text"], "<unk> <unk>")

    def test_a_source_without_a_hypothesis(self):
        """Bad words allow only the end token, which --min-new-tokens forbids at first."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        shutil.copytree(EXAMPLE, folder / "model")
        path = folder / "model" / "generation_config.json"
        config = json.loads(path.read_text())
        size = len(json.loads((EXAMPLE / "vocab.json").read_text()))
        config["bad_words_ids"] = [[token] for token in range(1, size)]
        path.write_text(json.dumps(config))
        bundle = compile_model(folder / "model", f"{folder.name}.encdec", "--quiet")
        self.addCleanup(bundle.unlink)
        for beams in (1, 4):
            words = ["generate", bundle, "--min-new-tokens", 2, "--beams", beams, *self.words]
            result = run(*words, "--nbest", beams, check=False)
            self.assertEqual((result.returncode, result.stdout), (1, "\n" * len(TEXTS) * beams))
            for i, message in enumerate(result.stderr.splitlines()):
                self.assertIn(f"error: --text {i + 1}: no finite hypothesis", message)
            lines = run(*words, "--json", check=False).stdout.splitlines()
            self.assertEqual(len(lines), len(TEXTS))
            for line in map(json.loads, lines):
                self.assertIn("no finite hypothesis", line["error"])
                self.assertIsNone(line["score"])

    def test_endless_line(self):
        """Refused at the limit, in memory of that size; --fail-fast reads no further."""
        limit = 16 << 20
        process = start_bytes("generate", self.bundle)
        process.stdin.write(b"Yes.\n" + b"a" * (limit + 100000))
        process.stdin.flush()
        self.assertTrue(process.stdout.readline().strip(), "what came before is answered")
        self.assertEqual(process.stdout.readline(), b"\n", "and this, before its end")
        process.stdin.write(b"a" * limit + b"\nYes.\n")
        out, err = process.communicate()
        self.assertEqual(process.returncode, 5)
        self.assertEqual(len(out.splitlines()), 1)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertIn(b"line 2: the text has more than", err)

        process = start_bytes("generate", self.bundle, "--fail-fast", "--truncate")
        written = 0
        try:
            process.stdin.write(b"Yes.\n")
            process.stdin.flush()
            while written < 8 * limit:
                written += os.write(process.stdin.fileno(), b"a" * 65536)
            process.stdin.close()
        except BrokenPipeError:
            pass
        out, err = process.stdout.read(), process.stderr.read().decode()
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.wait(), 5)
        self.assertLess(written, limit + (1 << 20), "nothing is read after the refusal")
        self.assertEqual(len(out.splitlines()), 1, "what came before is answered")
        self.assertIn("line 2", err)
        self.assertIn("the limit is 16 MB", err)
        self.assertNotIn("truncate", err)

    def test_longest_text(self):
        result = feed("a" * ((16 << 20) + 1) + "\n", "generate", self.bundle, "--truncate")
        self.assertEqual(result.returncode, 5)
        self.assertIn("the limit is 16 MB", result.stderr)

    def test_sizes_of_ngrams(self):
        """Outputs repeat no token, or none of their source, the end token included."""
        words = ["generate", self.bundle, "--json", "--max-new-tokens", 12]
        ids = " ".join(map(str, range(5, 12))) + " 0"
        free = json.loads(run(*words, "--ids", ids).stdout)["ids"]
        own = json.loads(run(*words, "--no-repeat-ngram-size", 1,
                             "--min-new-tokens", 12, "--ids", ids).stdout)["ids"]
        self.assertEqual(len(set(own)), 12)
        banned = " ".join(map(str, free)) + " 0"
        before = json.loads(run(*words, "--ids", banned).stdout)["ids"]
        after = json.loads(run(*words, "--encoder-no-repeat-ngram-size", 1,
                               "--ids", banned).stdout)["ids"]
        self.assertTrue(set(before) & set(map(int, banned.split())))
        self.assertEqual((len(after), after.pop()), (12, 0))  # forced at the greatest length
        self.assertFalse(set(after) & set(map(int, banned.split())))
        off = run(*words, "--no-repeat-ngram-size", 0, "--encoder-no-repeat-ngram-size", 0,
                  "--ids", ids).stdout
        self.assertEqual(json.loads(off)["ids"], free)
        for option in ("--no-repeat-ngram-size", "--encoder-no-repeat-ngram-size"):
            for value in (-1, "x", 1.5, 2 ** 64):
                result = run(*words, f"{option}={value}", "--ids", ids, check=False)
                self.assertEqual(result.returncode, 2, value)
                self.assertIn(option, result.stderr)

    def test_length_penalty_is_a_number(self):
        for value in ("nan", "inf", "-inf", "x"):
            result = run("generate", self.bundle, "--text", "Yes.",
                         f"--length-penalty={value}", check=False)
            self.assertEqual(result.returncode, 2, value)
            self.assertIn("--length-penalty", result.stderr)

    def test_texts_as_they_stand(self):
        """Nothing in a text is read as an option, a list or a quote; no byte upsets."""
        texts = ["-5 degrees", "--json", "[a,b]", "{}", "x=y", '"quoted"', "-", " "]
        lines = feed("".join(text + "\n" for text in texts), "generate", self.bundle).stdout
        words = [word for text in texts for word in ("--text", text)]
        self.assertEqual(run("generate", self.bundle, *words).stdout, lines)
        result = subprocess.run([ENCDEC, "generate", self.bundle, "--json"],
                                input=b"a\0b\n\xff\xfe hello\n", capture_output=True)
        self.assertEqual(result.returncode, 0)
        for line in result.stdout.decode("utf-8").splitlines():
            self.assertIsInstance(json.loads(line)["text"], str)


def padded_copy(checkpoint, folder, rows):
    """The checkpoint with `rows` rows of zeros behind its embeddings, which have no piece;
    the bias of the last row is greater than any logit."""
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    config["vocab_size"] += rows
    config["decoder_vocab_size"] = config["vocab_size"]
    (folder / "config.json").write_text(json.dumps(config))
    path = folder / "model.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, data = json.loads(data[8:8 + size]), data[8 + size:]
    parts, end = [], 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        begin, stop = tensor["data_offsets"]
        part = data[begin:stop]
        if name == "final_logits_bias":
            tensor["shape"][1] += rows
            part += bytes(2 * (rows - 1)) + b"\xd0\x63"  # 1000 as f16
        if name == "model.shared.weight":
            tensor["shape"][0] += rows
            part += bytes(2 * rows * tensor["shape"][1])
        tensor["data_offsets"] = [end, end := end + len(part)]
        parts.append(part)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


def pieces_of(*arguments):
    """What the command writes, write by write."""
    leader, follower = os.openpty()
    tty.setraw(follower)
    process = subprocess.Popen([ENCDEC, *map(str, arguments)], stdout=follower,
                               stdin=subprocess.DEVNULL)
    os.close(follower)
    pieces = []
    try:
        while piece := os.read(leader, 1 << 16):
            pieces.append(piece.decode())
    except OSError:  # the other end is closed
        pass
    os.close(leader)
    process.wait()
    return pieces


def start_bytes(*arguments):
    return subprocess.Popen([ENCDEC, *map(str, arguments)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


unittest.main()
