"""Text of every script, made from Unicode ranges and the sentences in tests/data.

Two things use it: train.py trains the small vocabularies on corpus(), and goldens.py
draws its test strings with Strings. Both depend on nothing but the seed.
"""
import pathlib
import random
import unicodedata

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"

# A few letters of each script, so that small vocabularies hold all of them.
SCRIPTS = {
    "Latin": "abcdefghijklmnopqrstuvwxyz", "Vietnamese": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệ",
    "Central": "ąćęłńóśźżčďěňřšťůžőűășțğıİ", "Greek": "αβγδεζηθικλμνξοπρσςτυφχψω",
    "Cyrillic": "абвгдежзийклмнопрстуфхцчшщыьэюя", "Armenian": "աբգդեզէըթժիլխծկ",
    "Georgian": "აბგდევზთიკლმნოპ", "Hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "Syriac": "ܐܒܓܕܗܘܙܚܛܝ", "Thaana": "ހށނރބޅކއވމ",
    "NKo": "ߊߋߌߍߎߏߐߓߔߕ", "Devanagari": "अआइउएकखगघचजटडतदनपबमयरलवसह",
    "Bengali": "অআইকখগচজটতদনপবমরলসহ", "Gurmukhi": "ਅਆਕਖਗਚਜਟਤਦਨਪਬਮਰਲਸ",
    "Gujarati": "અઆકખગચજટતદનપબમરલસ", "Oriya": "ଅଆକଖଗଚଜଟତଦନପବମରଲସ",
    "Tamil": "அஆஇகஙசஞடணதநபமயரலவ", "Telugu": "అఆఇకఖగచజటతదనపబమరలస",
    "Kannada": "ಅಆಇಕಖಗಚಜಟತದನಪಬಮರಲಸ", "Malayalam": "അആഇകഖഗചജടതദനപബമരലസ",
    "Sinhala": "අආඉකඛගචජටතදනපබමරලස", "Thai": "กขคงจชซญดตถทนบปผพมยรลวสหอ",
    "Lao": "ກຂຄງຈຊຍດຕຖທນບປຜພມຢຣລວສຫອ", "Tibetan": "ཀཁགངཅཆཇཉཏཐདནཔཕབམ",
    "Myanmar": "ကခဂဃငစဆဇညတထဒနပဖဗမယရလဝသ", "Khmer": "កខគឃងចឆជញដតថទនបផពមយរលវស",
    "Ethiopic": "ሀለሐመሠረሰሸቀበተቸነአከወዘየደገ", "Cherokee": "ᎠᎡᎢᎣᎤᎦᎧᎨᎩᎪ", "Canadian": "ᐁᐃᐅᐊᐱᐳᐸᑎᑐᑕ",
    "Mongolian": "ᠠᠡᠢᠣᠤᠨᠪᠬᠮᠯ", "Tifinagh": "ⴰⴱⴳⴷⴻⴼⴽⵀⵉⵊ", "Hiragana": "あいうえおかきくけこさしすせそたちつてとなにの",
    "Katakana": "アイウエオカキクケコサシスセソタチツテトナニノ", "Han": "一二三人大小中国日月水火山川田口手目心言天地東西南北",
    "Hangul": "가나다라마바사아자차카타파하고노도로모보", "Jamo": "ᄀᄂᄃᄅᄆ바ᅥᅩᅮᆨᆫ", "Yi": "ꀀꀁꀂꀃꀄꀅꀆꀇ",
    "Gothic": "𐌰𐌱𐌲𐌳𐌴𐌵𐌶𐌷", "Deseret": "𐐨𐐩𐐪𐐫𐐬𐐭", "Cuneiform": "𒀀𒀁𒀂𒀃𒀄"}
MARKS = {"Latin": "\u0301\u0308\u0327", "Hebrew": "ְִָ", "Arabic": "ًَُِّ", "Devanagari": "ािीुेो्ं",
         "Bengali": "ািীুেো্ং", "Tamil": "ாிீுேோ்", "Thai": "ัิีุ่้", "Khmer": "ាិីុេោ្", "Myanmar": "ာိီုေ်",
         "Telugu": "ాిీుే్", "Kannada": "ಾಿೀುೇ್", "Malayalam": "ാിീുേ്", "Sinhala": "ාිීුේ්", "Tibetan": "ིེོུ"}
EMOJI = ["😀", "👍", "👍🏽", "❤️", "🇫🇷", "👨‍👩‍👧‍👦", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏿‍🚀", "🎉", "🌍", "🚀"]
CODE = ["def add(a, b):\n    return a + b", "for i in range(10): print(i)", "int main() { return 0; }",
        "public static void f(String[] args) {", "x = {'key': [1, 2.5e-3]}", "// a comment\n\tif (x != y) ++z;",
        "SELECT * FROM t WHERE id <= 7;", "it's we're they'll I'd I'm you've"]
DIGITS = ["0", "7", "42", "1999", "3.14", "1,000", "٣٤", "१२", "②", "Ⅳ", "½"]
SIGNS = list(".,;:!?-—()[]{}\"'«»“”‘’…/\\|@#$%&*+=<>~^_`°€£¥。、！？؟،।")


def words_of(script, rng, count):
    letters, marks = list(SCRIPTS[script]), list(MARKS.get(script, ""))
    words = []
    for _ in range(count):
        word = ""
        for _ in range(rng.randint(1, 6)):
            word += rng.choice(letters)
            if marks and rng.random() < (0.05 if script == "Latin" else 0.3):
                word += rng.choice(marks)
        words.append(word)
    return words


def lexicon():
    """A list of words for each script, frequent ones first."""
    rng = random.Random(1)
    words = {script: words_of(script, rng, 40) + list(letters)
             for script, letters in SCRIPTS.items()}
    for script, marks in MARKS.items():
        words[script] += [letter + mark for mark in marks for letter in SCRIPTS[script][:2]]
    words["Latin"] += [word.upper() for word in words["Latin"][:66]]
    words["Cyrillic"] += [word.capitalize() for word in words["Cyrillic"][:70]]
    words["Greek"] += [word.upper() for word in words["Greek"][:20]]
    return words


def sentences():
    rows = (DATA / "en-fr-200.tsv").read_text("utf-8").splitlines()
    return [column for row in rows for column in row.split("\t") if column]


def draw(words, rng):
    """Frequent words more often than rare ones."""
    return words[int(len(words) * rng.random() ** 2)]


def corpus():
    """The lines that all vocabularies are trained on."""
    rng = random.Random(2)
    words = lexicon()
    lines = sentences() + CODE * 10
    for script in list(words) * 60:
        line = " ".join(draw(words[script], rng) for _ in range(rng.randint(3, 9)))
        if rng.random() < 0.3:
            line += " " + rng.choice(DIGITS)
        line += rng.choice(SIGNS)
        lines.append(unicodedata.normalize("NFC", line) if rng.random() < 0.5 else line)
    lines += [" ".join(rng.choice(EMOJI + SIGNS + DIGITS) for _ in range(6)) for _ in range(300)]
    rng.shuffle(lines)
    return lines


SPACES = [" ", "  ", "   ", "\t", "\u00a0", "\u3000", "\u2009", "\n", "\r", "\r\n", "\n\n", "\u200b",
          "\u2028", "\u0085", "\u2581", "\u2581\u2581", " \u2581", "\x0b", "\x1c", "\ufeff"]
NFKC_TRAPS = ["ﬁ", "ﬃ", "Ａ", "ｱ", "ｶﾞ", "㍿", "①", "ℌ", "½", "²", "Å", "Å", "ﷺ", "ﾊﾟ", "e\u0301\u0323", "\u1e9b\u0323",
              "한", "가", "\u0958", "\u0344", "\u2126", "\u00ad", "\u200d", "\u202e", "\u0340", "\u1100\u1161\u11a8",
              "Ǆ", "ſ", "ŉ", "\u037e", "\u1fee", "\ufb1d", "\uf900", "\U0002f800", "\U0001d400", "\u3392"]
RANGES = [(0x300, 0x36F), (0xFF00, 0xFFEF), (0x600, 0x6FF), (0x590, 0x5FF), (0x4E00, 0x9FFF),
          (0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x1F300, 0x1FAFF), (0x2100, 0x214F), (0xF900, 0xFAFF),
          (0xFB00, 0xFDFF), (0xA0, 0x24F), (0, 0x1F), (0x7F, 0x9F), (0x3040, 0x30FF), (0x1D400, 0x1D7FF),
          (0xE0000, 0xE007F), (0xFE00, 0xFE0F), (0xE000, 0xF8FF), (0x900, 0x97F), (0x2000, 0x206F)]


class Strings:
    """Test strings: mostly text of the corpus's kind, joined with what tokenizers get
    wrong. `tokens` are spelled in some of them."""

    def __init__(self, seed, tokens):
        self.rng = random.Random(seed)
        self.words = lexicon()
        self.scripts = list(self.words)
        self.sentences = sentences()
        self.tokens = tokens

    def next(self):
        """One string as bytes; one in sixteen may be broken UTF-8."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.15:
            return rng.choice(self.sentences).encode()
        if kind < 0.5:
            return self.plain().encode()
        text = b""
        for _ in range(rng.randint(1, 8)):
            text += self.fragment()
        return text

    def plain(self):
        rng = self.rng
        words = self.words[rng.choice(self.scripts)]
        return " ".join(draw(words, rng) for _ in range(rng.randint(1, 7))) + rng.choice(["", ".", "!", " " + rng.choice(DIGITS)])

    def fragment(self):
        rng = self.rng
        kind = rng.randrange(16)
        if kind < 5:
            return self.plain().encode()
        if kind == 5:
            return rng.choice(SPACES).encode() * rng.randint(1, 4)
        if kind == 6:
            low, high = rng.choice(RANGES)
            return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 4))).encode()
        if kind == 7:
            return rng.choice(EMOJI).encode()
        if kind == 8:
            return rng.choice(NFKC_TRAPS).encode()
        if kind in (9, 10):
            return rng.choice(self.tokens).encode()
        if kind == 11:
            return (rng.choice(self.words["Latin"]) + rng.choice(MARKS["Latin"]) * rng.randint(1, 3)).encode()
        if kind == 12:
            return rng.choice(CODE).encode()
        if kind == 13:
            return (rng.choice(self.sentences)[: rng.randint(1, 30)]).encode()
        if kind == 14:
            return b" " + rng.choice(SIGNS).encode() * rng.randint(1, 3)
        broken = rng.choice(self.words[rng.choice(self.scripts)]).encode()
        return broken[: rng.randrange(len(broken))] + bytes([rng.randrange(256)])
