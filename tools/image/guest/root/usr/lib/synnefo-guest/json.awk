# Flattens a JSON text: one line per value that is no object or list,
#   path TAB value
# with the path's parts joined by "/".  Control characters and backslashes, and "/" within a part,
# are written as escapes that printf %b undoes.  Exit status 1 if the text is no JSON.

BEGIN {
    for (i = 0; i < 256; i++) octal[i] = sprintf("\\0%03o", i)
    for (i = 0; i < 16; i++) hex[substr("0123456789abcdef", i + 1, 1)] = i
}

{ text = text $0 "\n" }

END {
    rest = text
    skip()
    value("")
    skip()
    if (rest != "") fail()
    printf "%s", out
}

function fail() {
    failed = 1
    exit 1
}

function skip() { sub(/^[ \t\r\n]+/, "", rest) }

function take(length_) {
    taken = substr(rest, 1, length_)
    rest = substr(rest, length_ + 1)
    return taken
}

function expect(character) {
    if (substr(rest, 1, 1) != character) fail()
    rest = substr(rest, 2)
    skip()
}

function value(path,    first) {
    first = substr(rest, 1, 1)
    if (first == "{") object(path)
    else if (first == "[") list(path)
    else if (first == "\"") emit(path, string())
    else if (match(rest, /^(-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null)/))
        emit(path, take(RLENGTH))
    else fail()
    skip()
}

function emit(path, text_) { out = out path "\t" text_ "\n" }

function below(path, part) { return path == "" ? part : path "/" part }

function object(path,    name) {
    expect("{")
    if (substr(rest, 1, 1) == "}") { expect("}"); return }
    while (1) {
        if (substr(rest, 1, 1) != "\"") fail()
        name = string()
        gsub("/", "\\0057", name)
        skip()
        expect(":")
        value(below(path, name))
        if (substr(rest, 1, 1) != ",") break
        expect(",")
    }
    expect("}")
}

function list(path,    position) {
    expect("[")
    if (substr(rest, 1, 1) == "]") { expect("]"); return }
    position = 0
    while (1) {
        value(below(path, position++))
        if (substr(rest, 1, 1) != ",") break
        expect(",")
    }
    expect("]")
}

# A string at the head of `rest`, as text with escapes for printf %b.
function string(    read, mark) {
    rest = substr(rest, 2)
    read = ""
    while (match(rest, /["\\]/)) {
        read = read substr(rest, 1, RSTART - 1)
        mark = substr(rest, RSTART, 1)
        rest = substr(rest, RSTART + 1)
        if (mark == "\"") return read
        read = read escape()
    }
    fail()
}

function escape(    letter, code, low) {
    letter = take(1)
    if (letter == "\"" || letter == "/") return letter
    if (letter == "\\") return "\\\\"
    if (letter ~ /[bfnrt]/) return "\\" letter
    if (letter != "u") fail()
    code = number(take(4))
    if (code >= 55296 && code < 56320 && rest ~ /^\\u[dD][c-fC-F]/) {
        take(2)
        low = number(take(4))
        code = 65536 + (code - 55296) * 1024 + low - 56320
    }
    return bytes(code)
}

function number(digits,    i, digit, sum) {
    digits = tolower(digits)
    sum = 0
    for (i = 1; i <= 4; i++) {
        digit = substr(digits, i, 1)
        if (digit == "" || !(digit in hex)) fail()
        sum = sum * 16 + hex[digit]
    }
    return sum
}

# UTF-8 of a code point.  A NUL can't be in a shell's variable and is dropped.
function bytes(code) {
    if (code == 0) return ""
    if (code < 128) return octal[code]
    if (code < 2048) return octal[192 + int(code / 64)] octal[128 + code % 64]
    if (code < 65536)
        return octal[224 + int(code / 4096)] octal[128 + int(code / 64) % 64] octal[128 + code % 64]
    return octal[240 + int(code / 262144)] octal[128 + int(code / 4096) % 64] \
        octal[128 + int(code / 64) % 64] octal[128 + code % 64]
}
