"""Names listed in one argument."""

import pytest

from InnerEarSegLib.cli.arguments import names
from InnerEarSegLib.cli.main import build_parser


def test_spaces_a_trailing_comma_and_doubles_do_no_harm():
    assert names("F06, T03,F06,") == ["F06", "T03"]


@pytest.mark.parametrize("command", ["evaluate DATA --output X", "plan-accuracy DATA"])
def test_a_list_without_a_name_is_refused(command, capsys):
    parser = build_parser()
    assert parser.parse_args([*command.split(), "--cases", "F06,"]).cases == ["F06"]
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([*command.split(), "--cases", " , "])
    assert ended.value.code == 2 and "argument --cases" in capsys.readouterr().err
