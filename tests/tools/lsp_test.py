#!/usr/bin/env python3
"""encdec-lsp-server, spoken to as an editor does: JSON-RPC over its standard streams.

    lsp_test.py BUILD_DIR"""
import json
import pathlib
import subprocess
import sys
import unittest

SERVER = pathlib.Path(sys.argv.pop(1)) / "bin" / "encdec-lsp-server"
URI = "file:///model.mlir"
# Line 4 is made wrong below.
TEXT = """\
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
func.func @f(%x: !e, %wide: tensor<?x6xf32, #encdec.side<encoder>>) -> !e {
  %y = encdec.linear %x, @w : !e -> !e
  %z = encdec.add %y, %x : !e, !e
  return %z : !e
}
"""


class Client:
    """Starts the server; replies and notifications come in order."""

    def __init__(self):
        self.process = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.count = 0

    def send(self, method, parameters, **fields):
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters, **fields})
        self.process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            name, value = line.decode().split(": ")
            if name == "Content-Length":
                length = int(value)
        return json.loads(self.process.stdout.read(length))

    def request(self, method, parameters):
        self.count += 1
        self.send(method, parameters, id=self.count)
        while "id" not in (message := self.receive()):
            pass
        return message["result"]

    def open(self, text):
        """The diagnostics of a text."""
        document = {"uri": URI, "languageId": "mlir", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": document})
        while (message := self.receive()).get("method") != "textDocument/publishDiagnostics":
            pass
        return message["params"]["diagnostics"]

    def at(self, method, line, character):
        return self.request(f"textDocument/{method}",
                            {"textDocument": {"uri": URI},
                             "position": {"line": line, "character": character}})


class Server(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.answer = self.client.request("initialize", {
            "processId": None, "rootUri": None, "capabilities": {
                "textDocument": {"publishDiagnostics": {"relatedInformation": True}}}})

    def tearDown(self):
        self.client.request("shutdown", None)
        self.client.send("exit", None)
        self.client.process.stdin.close()
        self.client.process.wait(timeout=20)
        self.client.process.stdout.close()

    def test_a_sound_file_has_no_diagnostics(self):
        self.assertTrue(self.answer["capabilities"]["definitionProvider"])
        self.assertEqual(self.client.open(TEXT), [])

    def test_an_error_leads_to_what_it_speaks_of(self):
        wide = "tensor<?x6xf32, #encdec.side<encoder>>"
        error, = self.client.open(TEXT.replace("%y, %x : !e, !e", f"%y, %wide : !e, {wide}"))
        self.assertEqual(error["range"]["start"]["line"], 4)
        self.assertIn("expected the width of y to be 8 but got 6", error["message"])
        places = {note["message"].split(" is ")[0]: note["location"]["range"]["start"]["line"]
                  for note in error["relatedInformation"]}
        self.assertEqual(places["x"], 3)  # the op that made the other operand

    def test_a_file_that_cannot_be_read_says_where(self):
        error, = self.client.open(TEXT.replace("encdec.add", "encdec.ad"))
        self.assertEqual(error["range"]["start"]["line"], 4)
        self.assertIn("encdec.ad", error["message"])

    def test_definitions_and_readers(self):
        self.client.open(TEXT)

        def lines(method, line, name):
            places = self.client.at(method, line, TEXT.splitlines()[line].index(name) + 1)
            return [place["range"]["start"]["line"] for place in places]

        self.assertEqual(lines("definition", 4, "%y"), [3])
        self.assertEqual(lines("definition", 3, "@w"), [1])
        self.assertEqual(lines("references", 3, "%y"), [3, 4])

    def test_hover_shows_the_op_with_all_its_attributes(self):
        self.client.open(TEXT)
        shown = self.client.at("hover", 3, TEXT.splitlines()[3].index("encdec.linear"))
        self.assertIn("weights = [@w]", shown["contents"]["value"])


unittest.main()
