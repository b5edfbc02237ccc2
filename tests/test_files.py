import os
import threading

import pytest

from lenet_helpers.files import write_whole


def test_what_was_there_is_replaced_and_nothing_lies_beside_it(tmp_path):
    path = tmp_path / "a.bin"
    for data in (b"first", b"", b"second and longer"):
        write_whole(path, data)
        assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("broken", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch, broken, error):
    path = tmp_path / "a.bin"
    write_whole(path, b"earlier")

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(broken, fail)
    with pytest.raises(type(error)):
        write_whole(path, b"later")
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


def test_it_is_closed_before_it_is_renamed_as_windows_wants(tmp_path, monkeypatch):
    opened, closed, rename = [], [], os.replace

    def watched(*arguments, **options):
        opened.append(open(*arguments, **options))
        return opened[-1]

    def replace(*paths):
        closed.extend(file.closed for file in opened)
        rename(*paths)

    monkeypatch.setattr("lenet_helpers.files.open", watched, raising=False)
    monkeypatch.setattr(os, "replace", replace)
    write_whole(tmp_path / "a.bin", b"data")
    assert closed == [True]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_it_as_any_file_of_this_user(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "a.bin", b"data")


def test_many_writers_at_once_leave_one_whole_file(tmp_path):
    path, contents = tmp_path / "a.bin", [bytes([n]) * 100_000 for n in range(8)]
    writers = [threading.Thread(target=write_whole, args=(path, data)) for data in contents]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert path.read_bytes() in contents and list(tmp_path.iterdir()) == [path]
