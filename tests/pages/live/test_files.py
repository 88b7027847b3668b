"""The scripts that a browser gets are ours, without what is for us."""

from pathlib import Path

from pages.live import files
from tests import javascript

# Prints the scripts that differ to a parser.
OTHERS = """
import { transformSync } from "esbuild"
import { readdirSync, readFileSync } from "node:fs"
const folder = process.argv.at(-1)
const parsed = (...path) => {
  const script = readFileSync([folder, ...path].join("/"), "utf8")
  return transformSync(script, { minifyWhitespace: true, legalComments: "none" }).code
}
for (const name of readdirSync(`${folder}/ours`)) {
  if (parsed("ours", name) !== parsed("served", name)) console.log(name)
}
"""
SCRIPTS = [name for name in files.files() if name.endswith(".js") and name not in files.FOREIGN]


def others(ours: dict[str, str], served: dict[str, str], folder: Path) -> list[str]:
    """The names of the scripts that are not the same to a parser."""
    assert javascript.ensure()
    for place, scripts in (("ours", ours), ("served", served)):
        (folder / place).mkdir()
        for name, script in scripts.items():
            (folder / place / name).write_text(script, "utf-8", newline="")
    command = ["--input-type=module", "-e", OTHERS, "--", folder.as_posix()]
    done = javascript.run(command, capture_output=True, text=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    return str(done.stdout).split()


def test_what_is_served_is_the_same_to_a_parser(tmp_path: Path) -> None:
    ours = {name: files.files()[name].read_text("utf-8") for name in SCRIPTS}
    served = {name: files.content(name)[0].decode() for name in SCRIPTS}
    assert len(SCRIPTS) > 30
    assert sum(map(len, served.values())) < 0.8 * sum(map(len, ours.values()))
    for name in SCRIPTS:  # a line in the browser's tools is ours
        assert served[name].count("\n") == ours[name].count("\n"), name
    assert not others(ours, served, tmp_path)


def test_a_comment_in_a_text_is_seen_to_be_lost(tmp_path: Path) -> None:
    ours = {"a.js": "const a = `\n// text\n`\n", "b.js": "const b = 1 // one\n"}
    served = {name: files.bare(script) for name, script in ours.items()}
    assert others(ours, served, tmp_path) == ["a.js"]
