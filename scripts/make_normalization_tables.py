"""Writes engine/text/normalization_tables.cpp: what normalization form C needs to know of each character.

    python3 make_normalization_tables.py > ../engine/text/normalization_tables.cpp

The tables are those of the Unicode version that Python's own unicodedata has; Hangul syllables are left to arithmetic.
"""
import sys
import textwrap
import unicodedata


def decompositions():
    for point in range(sys.maxunicode + 1):
        parts = unicodedata.decomposition(chr(point))
        if parts and not parts.startswith("<"):
            first, *second = (int(part, 16) for part in parts.split())
            composes = unicodedata.normalize("NFC", chr(point)) == chr(point)
            yield point, first, second[0] if second else 0, composes


def combining_runs():
    runs = []
    for point in range(sys.maxunicode + 1):
        order = unicodedata.combining(chr(point))
        if runs and runs[-1][1] == point - 1 and runs[-1][2] == order:
            runs[-1][1] = point
        elif order:
            runs.append([point, point, order])
    return runs


def table(kind, name, rows):
    cells = ["{" + ",".join(f"0x{cell:X}" if cell > 9 else str(int(cell)) for cell in row) + "}," for row in rows]
    lines = textwrap.wrap(" ".join(cells), 106)
    return f"const std::array<{kind}, {len(cells)}> table_of_{name}{{{{\n    " + "\n    ".join(lines) + "\n}};\n"


def main():
    print(f"""// Written by scripts/make_normalization_tables.py from Unicode {unicodedata.unidata_version}.
// clang-format off
#include "engine/text/normalization_tables.hpp"

#include <array>

namespace parley::text {{
namespace {{

{table("Decomposition", "decompositions", decompositions())}
{table("CombiningRun", "combining_runs", combining_runs())}
}}  // namespace

std::span<const Decomposition> decompositions() {{ return table_of_decompositions; }}
std::span<const CombiningRun> combining_runs() {{ return table_of_combining_runs; }}

}}  // namespace parley::text""")


main()
