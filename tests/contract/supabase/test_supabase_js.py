"""The gateway is what supabase-js expects of Supabase. The script runs once; each test looks at part of what it saw."""

from __future__ import annotations

from typing import Any

import pytest

Seen = dict[str, Any]

SUCCEEDS = [
    "signUp", "adminCreate", "adminUpdate", "adminList", "signIn", "refresh", "updateUser", "upload", "signed",
    "signedUpload", "edge",
]  # fmt: skip
SILENT = ["bucket", "uploadBytes", "replace", "move", "signOut", "adminDelete"]


@pytest.mark.parametrize("call", SUCCEEDS)
def test_supabase_js_when_a_call_is_allowed_then_it_reports_no_error(supabase_js: Seen, call: str) -> None:
    assert supabase_js[call]["error"] is None


@pytest.mark.parametrize("call", SILENT)
def test_supabase_js_when_a_command_is_allowed_then_it_reports_no_error(supabase_js: Seen, call: str) -> None:
    assert supabase_js[call] is None


def test_session_when_signing_up_then_the_token_has_the_hosted_claims(supabase_js: Seen) -> None:
    claims = supabase_js["signUp"]["claims"]
    assert claims["sub"] == supabase_js["signUp"]["id"]
    assert (claims["role"], claims["aud"], claims["aal"]) == ("authenticated", "authenticated", "aal1")
    assert claims["iss"] == supabase_js["signIn"]["issued"]["issuer"]
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["user_metadata"]["display_name"] == "Ann"
    assert claims["session_id"]
    assert claims["is_anonymous"] is False


@pytest.mark.parametrize("call", ["signIn", "refresh"])
def test_session_when_the_admin_set_app_metadata_then_the_token_carries_it(supabase_js: Seen, call: str) -> None:
    assert supabase_js[call]["claims"]["app_metadata"]["desk"] == "x"
    assert supabase_js[call]["claims"]["app_metadata"]["admin"] is True


def test_session_when_refreshed_then_the_refresh_token_is_a_new_one(supabase_js: Seen) -> None:
    assert supabase_js["refresh"]["rotated"] is True
    assert supabase_js["getUser"] == "bob@example.com"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("signUpAgain", "user_already_exists"),
        ("weakPassword", "weak_password"),
        ("oldPassword", "invalid_credentials"),
        ("adminCreateAgain", "email_exists"),
        ("adminAsUser", "not_admin"),
        ("adminGone", "user_not_found"),
        ("deleteOwner", "conflict"),
        ("uploadTwice", "KeyAlreadyExists"),
        ("userUpload", "AccessDenied"),
        ("climbing", "Not Found"),
    ],
)
def test_supabase_js_when_a_call_is_refused_then_the_hosted_code_says_why(
    supabase_js: Seen, call: str, code: str
) -> None:
    assert supabase_js[call]["code"] == code


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("enrollAgain", "mfa_factor_name_conflict"),
        ("wrongCode", "mfa_verification_failed"),
        ("challengeUsed", "mfa_factor_not_found"),
        ("strangersFactor", "mfa_factor_not_found"),
        ("passwordWithoutFactor", "insufficient_aal"),
        ("unenrollWithoutFactor", "insufficient_aal"),
        ("enrollWithoutFactor", "insufficient_aal"),
        ("lowerSessionEnded", "refresh_token_not_found"),
        ("endedByPassword", "refresh_token_not_found"),
    ],
)
def test_second_factor_when_a_call_is_refused_then_the_hosted_code_says_why(
    supabase_js: Seen, call: str, code: str
) -> None:
    assert supabase_js[call]["code"] == code


@pytest.mark.parametrize("call", ["stepUp", "passwordWithFactor", "unenroll"])
def test_second_factor_when_it_was_shown_then_what_needs_it_is_done(supabase_js: Seen, call: str) -> None:
    assert supabase_js[call] is None


def test_second_factor_when_enrolled_then_an_app_can_take_it_and_it_guards_nothing_yet(supabase_js: Seen) -> None:
    enrolled = supabase_js["enroll"]
    assert enrolled["error"] is None
    assert enrolled["uri"].startswith("otpauth://totp/AgentTrader:cleo%40example.com?")
    assert f"secret={enrolled['secret']}" in enrolled["uri"]
    assert enrolled["image"].startswith("data:image/svg+xml;utf-8,<svg")
    unverified = supabase_js["unverified"]
    assert ([one["status"] for one in unverified["all"]], unverified["totp"]) == (["unverified"], [])
    before = supabase_js["levelBefore"]
    assert (before["currentLevel"], before["nextLevel"]) == ("aal1", "aal1")


def test_second_factor_when_verified_then_the_token_says_so_and_stays_so_when_refreshed(supabase_js: Seen) -> None:
    assert supabase_js["verified"]["error"] is None
    assert supabase_js["verified"]["factors"] == ["verified"]
    for claims in (supabase_js["verified"]["claims"], supabase_js["refreshedLevel"]):
        assert (claims["aal"], [one["method"] for one in claims["amr"]]) == ("aal2", ["totp", "password"])
    assert supabase_js["levelAfter"]["currentLevel"] == "aal2"


def test_second_factor_when_signing_in_anew_then_it_is_to_be_shown_again(supabase_js: Seen) -> None:
    following = supabase_js["levelOfNext"]
    assert (following["currentLevel"], following["nextLevel"]) == ("aal1", "aal2")


def test_second_factor_when_unenrolled_then_the_session_has_shown_it_no_more(supabase_js: Seen) -> None:
    claims = supabase_js["levelUnenrolled"]
    assert (claims["aal"], [one["method"] for one in claims["amr"]]) == ("aal1", ["password"])


def test_key_set_when_the_project_signs_with_a_secret_then_it_is_empty(supabase_js: Seen) -> None:
    assert supabase_js["keys"] == {"keys": []}


def test_session_when_signed_out_then_its_refresh_token_is_dead(supabase_js: Seen) -> None:
    assert supabase_js["afterSignOut"] is not None


def test_new_user_when_signed_up_or_created_then_triggers_see_the_metadata(supabase_js: Seen) -> None:
    assert supabase_js["profileFromTrigger"]["data"] == [{"display_name": "Ann"}]
    assert supabase_js["adminCreate"]["user"]["user_metadata"] == {"display_name": "Bob"}
    assert supabase_js["adminCreate"]["user"]["identities"][0]["provider"] == "email"
    assert supabase_js["updateUser"]["metadata"] == {"display_name": "Bob", "theme": "dark"}


def test_admin_list_when_paged_then_it_tells_the_total(supabase_js: Seen) -> None:
    listed = supabase_js["adminList"]
    # Other tests of the session have made users too; this script made two.
    assert (listed["count"], listed["total"] >= 2, listed["lastPage"]) == (1, True, listed["total"])


def test_insert_when_values_are_exact_then_they_come_back_unchanged(supabase_js: Seen) -> None:
    seen = supabase_js["insert"]
    assert (seen["status"], seen["error"]) == (201, None)
    assert seen["data"]["price_text"] == "12345678901234567.0123456789"
    assert seen["data"]["big_text"] == "9223372036854775807"
    assert seen["data"]["meta"] == {"a": [1, {"b": "2.50"}]}
    assert seen["data"]["tags"] == ["x", "y z"]
    assert seen["data"]["raw"] == "\\x0102"
    assert seen["data"]["local_time"] == "2026-11-22T06:55:02"
    assert seen["data"]["created_at"] == "2026-11-22T06:55:02.5+00:00"


def test_insert_when_json_is_text_or_a_list_then_its_kind_is_kept(supabase_js: Seen) -> None:
    assert supabase_js["insertMany"]["data"] == [
        {"title": "text", "meta": "a text"},
        {"title": "list", "meta": [True, 1]},
    ]


def test_select_when_embedding_filtering_and_counting_then_rows_and_count_agree(supabase_js: Seen) -> None:
    assert supabase_js["embed"]["data"] == [{"title": "first", "comments": [{"body": "seen"}]}]
    assert supabase_js["embed"]["count"] == 2
    assert supabase_js["filters"]["data"] == [{"title": "first"}]
    assert supabase_js["range"]["data"] == [{"title": "list"}, {"title": "text"}]
    assert (supabase_js["head"]["count"], supabase_js["head"]["data"]) == (3, None)


def test_select_when_one_row_is_asked_for_then_other_numbers_are_told(supabase_js: Seen) -> None:
    assert (supabase_js["none"]["data"], supabase_js["none"]["error"]) == (None, None)
    assert (supabase_js["notOne"]["status"], supabase_js["notOne"]["error"]["code"]) == (406, "PGRST116")


def test_write_when_updating_upserting_deleting_then_the_rows_tell(supabase_js: Seen) -> None:
    assert supabase_js["update"]["data"] == [{"price_text": "1.1000000000", "meta": {"k": "v"}}]
    assert supabase_js["upsert"]["data"] == [{"id": supabase_js["insert"]["data"]["id"], "price_text": "2.0000000000"}]
    assert supabase_js["csv"]["data"] == "title,price\nfirst,2.0000000000"
    assert supabase_js["delete"]["data"] == [{"title": "text"}]


def test_row_level_security_when_another_user_asks_then_nothing_of_the_owner_is_reached(supabase_js: Seen) -> None:
    assert supabase_js["bobSees"]["data"] == []
    assert (supabase_js["bobInserts"]["status"], supabase_js["bobInserts"]["error"]["code"]) == (403, "42501")
    assert supabase_js["bobUpdates"]["data"] == []
    assert supabase_js["bobDeletes"]["data"] == []
    assert supabase_js["stillThere"]["data"] == [{"title": "first"}]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("anonymousSelect", 401, "42501"),
        ("closedTable", 403, "42501"),
        ("duplicate", 409, "23505"),
        ("foreignKey", 409, "23503"),
        ("check", 400, "23514"),
        ("missingTable", 404, "PGRST205"),
        ("missingFunction", 404, "PGRST202"),
        ("onlyForRiskAsUser", 403, "42501"),
        ("onlyForRiskAsNobody", 401, "42501"),
    ],
)
def test_rest_when_postgres_refuses_then_status_and_code_are_postgrests(
    supabase_js: Seen, call: str, status: int, code: str
) -> None:
    assert (supabase_js[call]["status"], supabase_js[call]["error"]["code"]) == (status, code)


def test_rest_when_a_function_raises_then_message_details_and_hint_arrive(supabase_js: Seen) -> None:
    error = supabase_js["refused"]["error"]
    assert supabase_js["refused"]["status"] == 400
    assert (error["code"], error["message"]) == ("P0001", "LIMIT: most=5")
    assert (error["details"], error["hint"]) == ("seven asked", "ask for less")


def test_rpc_when_a_user_calls_then_postgres_knows_role_claims_and_time_limit(supabase_js: Seen) -> None:
    for call in ("whoami", "whoamiByGet"):
        who = supabase_js[call]["data"]
        assert (who["role"], who["session"], who["timeout"]) == ("authenticated", "authenticator", "8s")
        assert who["uid"] == supabase_js["signUp"]["id"] == who["claims"]["sub"]


def test_rpc_when_the_token_names_a_function_role_then_it_runs_as_that_role(supabase_js: Seen) -> None:
    assert supabase_js["whoamiRisk"]["data"]["role"] == "fn_risk"
    assert supabase_js["whoamiRisk"]["data"]["uid"] is None
    assert supabase_js["onlyForRisk"]["data"] == 1.1


def test_rpc_when_values_travel_both_ways_then_they_keep_their_shape(supabase_js: Seen) -> None:
    values = {"n": 1.1, "b": 12, "t": "2026-11-22T06:55:02.123456+00:00", "j": {"a": 1}, "x": "\\x01"}
    assert supabase_js["values"]["data"] == values
    assert supabase_js["jsonKinds"] == ["object", "array", "string", "string", "number", "boolean"]
    assert supabase_js["jsonRows"]["data"] == ["1", "2"]
    assert supabase_js["array"]["data"] == 2
    assert (supabase_js["void"]["status"], supabase_js["null"]["data"]) == (204, None)
    assert supabase_js["text"]["data"] == "1.10"


def test_storage_when_files_are_kept_then_they_come_back_as_they_were(supabase_js: Seen) -> None:
    assert supabase_js["upload"]["path"] == "papers/a/report.txt"
    assert supabase_js["download"] == "hello again"
    assert supabase_js["downloadBytes"] == [1, 2, 3]
    assert supabase_js["copy"] == {"path": "papers/copied.txt"}
    assert supabase_js["exists"] == [True, False]
    assert supabase_js["remove"] == 2


def test_storage_when_addresses_are_signed_then_they_open_that_file_only(supabase_js: Seen) -> None:
    assert supabase_js["signed"]["text"] == "hello again"
    assert supabase_js["signedForged"] == 403
    assert supabase_js["signedUpload"]["path"] == "papers/a/late.txt"
    assert supabase_js["signedMany"] == [
        {"path": "a/report.txt", "failed": False, "signed": True},
        {"path": "missing", "failed": True, "signed": False},
    ]


def test_storage_when_listing_then_folders_and_files_are_told_apart(supabase_js: Seen) -> None:
    assert supabase_js["folders"] == [{"name": "a", "folder": True}]
    assert supabase_js["files"] == [
        ["report.txt", "text/plain", 11],
        ["raw.bin", "application/octet-stream", 3],
        ["late.txt", "text/plain", 4],
    ]


def test_storage_when_the_caller_has_no_right_then_nothing_is_seen(supabase_js: Seen) -> None:
    assert supabase_js["anonymousDownload"] is not None
    assert supabase_js["anonymousList"] == []


def test_edge_function_when_invoked_by_a_user_then_it_knows_the_user(supabase_js: Seen) -> None:
    body = supabase_js["edge"]["body"]
    assert body["status"] == "ok"
    assert body["caller"]["id"] == supabase_js["signUp"]["id"]
    assert body["caller"]["email"] == "ann@example.com"
    assert body["rest"] == {"reachable": True, "status": 200}
    assert supabase_js["edgeMissing"] == 404
