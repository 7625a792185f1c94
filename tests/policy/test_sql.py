"""SQL is judged by what its statements do, wherever they stand; words in literals and comments do nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.policy.sql import Sql, judge

CASES = {
    "": "none",
    "select 1": "reads",
    "SELECT ';' -- drop table x\n": "reads",
    "select 'drop table x', \"delete from\", `truncate`": "reads",
    "/* drop table x */ select 1": "reads",
    "select * from t where name = 'it''s; drop table y'": "reads",
    "select * from t for update": "reads",
    "explain delete from t": "reads",
    "with x as (select 1) select * from x": "reads",
    "show tables; use shop; describe t": "reads",
    "begin; rollback": "reads",
    "PRAGMA table_info(t)": "reads",
    "\\dt": "reads",
    ".schema users": "reads",
    ".mode csv\nselect 1;\n.tables": "reads",
    "copy t to stdout": "reads",
    "insert into t values ('; drop table x')": "adds",
    "create table x (a int)": "adds",
    "select * into y from x": "adds",
    "update t set a = 1 where id = 3": "changes",
    "delete from t where id in (select id from x)": "changes",
    "alter table t add column a int": "changes",
    "set global x = 1": "changes",
    "foo bar": "unclear",
    "$SQL": "unclear",
    "((((": "unclear",
    "drop table x": "destroys",
    "select 1; DROP DATABASE y": "destroys",
    "DeLeTe FrOm users": "destroys",
    "delete from users where 1=1": "destroys",
    "delete from users where true": "destroys",
    "delete from users where id = 3 or 1 = 1": "destroys",
    "update t set a = (select b from c where d = 1)": "destroys",
    "with gone as (delete from t returning *) select * from gone": "destroys",
    "explain analyze delete from t": "destroys",
    "truncate t": "destroys",
    "grant all on t to x": "destroys",
    "alter table t drop column a": "destroys",
    "alter role x superuser": "destroys",
    "/*!40000 DROP TABLE x */": "destroys",
    "/* x */ ; -- y\ndrop schema z": "destroys",
    "do $$ begin delete from x; end $$": "destroys",
    "\\! rm x": "runs",
    "\\o | sh": "runs",
    ".shell rm x": "runs",
    ".output /etc/passwd": "runs",
    "copy t from program 'sh'": "runs",
    "select * from t into outfile '/x'": "runs",
    "select pg_terminate_backend(1)": "runs",
    "select pg_catalog.pg_read_file('/etc/passwd')": "runs",
    "exec xp_cmdshell 'dir'": "runs",
}


@pytest.mark.parametrize(("text", "does"), CASES.items())
def test_what_statements_do(text: str, does: str) -> None:
    assert judge(text) == Sql(does)


_AROUND = ["select 1; {}", "{};select 1"]
_AROUND += ["/* */ {}", "\n\t{}", "begin; {}; commit", "select ')'; {}", 'select "\'"; {}', "-- x\n{}"]


@given(st.sampled_from(["drop table x", "delete from t", "truncate t"]), st.sampled_from([*_AROUND, "select $a$ ' $a$; {}"]))
def test_nothing_beside_it_hides_a_statement(statement: str, around: str) -> None:
    assert judge(around.format(statement)) == Sql.DESTROYS


@given(st.text(alphabet="'\"`;-/*$()a \\.\n!selctdrop", max_size=80))
def test_any_text_is_judged(text: str) -> None:
    assert judge(text) in Sql
