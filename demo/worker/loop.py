"""The worker's loop: one thread, one look at the database a tick."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from demo.database import writing
from demo.models import TaskStatus
from demo.queue import claim, finish, greet, release, release_abandoned, report
from demo.worker.jobs import Job, plan_job

if TYPE_CHECKING:
    from types import FrameType

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from demo.queue import Claim
    from demo.settings import Settings

log = logging.getLogger("demo.worker")

_TICK_S = 0.25
_GREETING_S = 2.0


@dataclass(slots=True, kw_only=True)
class Running:
    """A job under way.

    Attributes:
        held: The task, as it was claimed.
        job: What it does.
        since: When it began, on the monotonic clock.
    """

    held: Claim
    job: Job
    since: float


@dataclass(slots=True, kw_only=True)
class Worker:
    """Runs as many tasks at a time as it may, until it is told to stop.

    Attributes:
        engine: The database.
        settings: How many tasks at a time, and how long each takes.
        name: How other workers know this one.
        is_stopping: Set by a signal; the loop looks at it.
    """

    engine: Engine
    settings: Settings
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    is_stopping: bool = False
    _running: list[Running] = field(default_factory=list)
    _greeted_at: float = float("-inf")
    _is_lost: bool = False

    def run(self) -> None:
        """Work until stopped; give back what is not finished by then."""
        signal.signal(signal.SIGTERM, self.handle_signal)
        signal.signal(signal.SIGINT, self.handle_signal)
        log.info("ready: up to %d tasks at a time", self.settings.concurrency)
        while not self.is_stopping:
            self.try_tick()
            time.sleep(_TICK_S)
        self.stop()

    def handle_signal(self, number: int, frame: FrameType | None) -> None:
        """Remember that the loop is to end."""
        del number, frame
        self.is_stopping = True

    def try_tick(self) -> None:
        """Do a tick; a database that is away is told once and waited for."""
        before = list(self._running)
        try:
            with writing(self.engine) as session:
                self.tick(session)
        except DBAPIError as error:
            # Nothing of this tick was written: the jobs are where they were.
            self._running = before
            if not self._is_lost:
                log.warning("waiting for the database: %s", error.orig)
            self._is_lost = True
        else:
            if self._is_lost:
                log.info("the database is back")
            self._is_lost = False

    def tick(self, session: Session) -> None:
        """Move the running jobs on and take new ones, in one transaction."""
        at = time.monotonic()
        self._running = [run for run in self._running if self._advance(session, run)]
        if at - self._greeted_at >= _GREETING_S:
            self._greeted_at = at
            greet(session)
            if count := release_abandoned(session):
                log.warning("%d abandoned tasks are queued again", count)
        while len(self._running) < self.settings.concurrency:
            if not self._begin(session):
                break

    def stop(self) -> None:
        """Return the unfinished tasks to the queue."""
        with writing(self.engine) as session:
            count = sum(release(session, run.held) for run in self._running)
        self._running.clear()
        log.info("stopped; tasks returned to the queue: %d", count)

    def _begin(self, session: Session) -> bool:
        held = claim(session, self.name)
        if held is None:
            return False
        job = plan_job(
            held.task_id,
            held.kind,
            held.attempt,
            duration_s=self.settings.job_seconds,
        )
        self._running.append(Running(held=held, job=job, since=time.monotonic()))
        log.info("task %d: begun, attempt %d", held.task_id, held.attempt)
        return True

    def _advance(self, session: Session, run: Running) -> bool:
        """Move a job on; return False when it is over."""
        elapsed_s = time.monotonic() - run.since
        if elapsed_s >= run.job.duration_s:
            self._finish(session, run)
            return False
        progress = run.job.progress_at(elapsed_s)
        step = run.job.step_at(elapsed_s)
        if report(session, run.held, progress=progress, step=step):
            return True
        log.info("task %d: taken away", run.held.task_id)
        return False

    def _finish(self, session: Session, run: Running) -> None:
        failure = run.job.failure
        status = TaskStatus.FAILED if failure else TaskStatus.DONE
        result = failure or run.job.result
        progress = 90 if failure else 100
        if finish(session, run.held, status=status, progress=progress, result=result):
            log.info("task %d: %s: %s", run.held.task_id, status.value, result)
