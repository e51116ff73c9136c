"""All checks, the ones that tell most first. Each yields a sentence for everything that is not as it should be."""

from collections.abc import Callable, Generator, Iterator

from tests.policies import routines, rules, tables, turns
from tests.policies.world import World, undone

Check = Callable[[World], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    tables.every_table_and_column_is_expected,
    routines.every_routine_and_parameter_is_expected,
    routines.claims_are_read_in_both_forms,
    routines.a_session_is_live_until_it_ends,
    routines.claims_that_do_not_fit_together_are_no_session,
    tables.each_attempt_comes_to_what_is_expected,
    tables.the_same_thing_is_never_there_twice,
    tables.what_is_unique_for_one_person_is_free_for_another,
    tables.what_a_row_may_not_say_is_refused,
    tables.rows_go_with_the_person_they_belong_to,
    tables.answers_go_with_their_question,
    *turns.STORIES,
    turns.servers_end_what_dead_processes_left,
    turns.processes_are_told_by_name_alone,
    routines.an_account_is_removed_only_by_who_has_just_signed_in,
    routines.roles_without_a_door_are_refused_each_call,
    routines.who_is_not_signed_in_is_turned_away,
    routines.who_is_banned_is_turned_away,
    routines.somebody_elses_ids_look_like_ids_of_nothing,
    routines.our_functions_hold_without_the_policies,
    routines.nobody_reaches_somebody_else_by_any_call,
    routines.closing_the_data_api_takes_all_and_opening_gives_it_back,
    rules.the_grants_are_these_and_no_others,
    rules.only_these_roles_may_call,
    rules.row_level_security_is_on_and_forced,
    rules.each_table_has_one_policy_per_door,
    rules.each_policy_checks_what_is_written,
    rules.each_policy_has_an_index_behind_it,
    rules.no_view_looks_past_the_policies,
    rules.every_routine_has_an_empty_search_path,
    rules.only_these_routines_act_as_their_owner,
    rules.no_definer_takes_a_person,
    rules.triggers_are_in_place,
    rules.the_unique_indexes_are_these,
    rules.the_roles_have_no_privileges_of_their_own,
    rules.each_role_can_become_only_what_it_needs,
    rules.the_servers_login_can_take_on_its_role,
    rules.only_the_owner_can_add_to_the_schemas,
    rules.only_the_doors_reach_our_schema,
    rules.the_doors_do_not_depend_on_what_everybody_may,
)


def complaints(world: World, check: Check) -> Generator[str, None, None]:
    """What the check has to say; whatever it did is undone."""
    with undone(world.sql):
        yield from check(world)
