from __future__ import annotations

from kibitz.provider.limits.priority import Priority, Urgency


def test_who_waits_for_it_goes_before_who_looks_at_it_and_nobody_comes_last() -> None:
    assert sorted(Priority) == [Priority.EXPLICIT, Priority.FOCUSED, Priority.OPEN, Priority.WARMING]


def test_urgency_only_rises_and_tells_so() -> None:
    urgency = Urgency(Priority.OPEN)
    told: list[Priority] = []
    stop = urgency.on_change(lambda: told.append(urgency.priority))
    urgency.rise_to(Priority.WARMING)
    urgency.rise_to(Priority.OPEN)
    assert told == []
    urgency.rise_to(Priority.FOCUSED)
    assert told == [Priority.FOCUSED]
    stop()
    urgency.rise_to(Priority.EXPLICIT)
    assert told == [Priority.FOCUSED]
    assert urgency.priority is Priority.EXPLICIT
    stop()


def test_one_may_stop_listening_while_it_is_told() -> None:
    urgency = Urgency(Priority.WARMING)
    told: list[str] = []

    def once() -> None:
        told.append("once")
        stop()

    stop = urgency.on_change(once)
    urgency.on_change(lambda: told.append("always"))
    urgency.rise_to(Priority.OPEN)
    urgency.rise_to(Priority.EXPLICIT)
    assert told == ["once", "always", "always"]


def test_what_nobody_waits_for_may_be_held() -> None:
    urgency = Urgency(Priority.WARMING)
    told: list[bool] = []
    urgency.on_change(lambda: told.append(urgency.held))
    urgency.hold()
    urgency.hold()
    urgency.release()
    assert told == [True, False]
    urgency.hold()
    urgency.rise_to(Priority.OPEN)
    assert told == [True, False, True, False]


def test_who_leads_holds_what_follows_it_until_they_part() -> None:
    leader, flight = Urgency(Priority.WARMING), Urgency(Priority.WARMING)
    told: list[bool] = []
    flight.on_change(lambda: told.append(flight.held))
    leader.hold()
    part = flight.follow(leader)
    leader.release()
    leader.hold()
    assert told == [True, False, True]
    part()
    leader.release()
    leader.hold()
    assert told == [True, False, True, False]


def test_what_somebody_else_waits_for_is_not_held() -> None:
    leader, flight = Urgency(Priority.WARMING), Urgency(Priority.WARMING)
    leader.hold()
    flight.follow(leader)
    flight.follow(Urgency(Priority.OPEN))
    assert flight.priority is Priority.OPEN
    assert not flight.held
