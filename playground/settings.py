"""What an operator may set, by environment variable (`PLAYGROUND_...`), with safe defaults."""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from playground.errors import SettingError

_ROLE = "(train|check|look|project)"


class Settings(BaseSettings):
    """Limits and places; every field is `PLAYGROUND_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="PLAYGROUND_", frozen=True)

    data: Path = Field(
        Path.home() / ".keras" / "datasets",
        description="Folder of the published data files, laid out like Keras' own cache.",
    )
    download: bool = Field(True, description="Whether data sets may be fetched from the internet.")
    home: Path = Field(
        Path.home() / ".loss-playground", description="Folder of the store and its snapshots."
    )
    store_url: str = Field(
        "",
        repr=False,  # it may hold a password
        description="SQLAlchemy URL of the store, sqlite:///... or postgresql+psycopg://...; "
        "empty: playground.sqlite in `home`.",
    )
    files_url: str = Field(
        "",
        repr=False,
        description="fsspec URL of what of runs is too large for a row, their weights and "
        "checkpoints, such as s3://bucket/prefix; empty: the folder runs in `home`.",
    )
    workers: int = Field(
        max(4, (os.cpu_count() or 2) // 2), ge=1, le=512, description="Runs trained at once."
    )
    warm_workers: int = Field(
        max(1, (os.cpu_count() or 2) // 4),
        ge=1,
        le=512,
        description="Training workers that are always there; others come when runs wait.",
    )
    worker_memory_gib: float = Field(
        4.0, ge=1, description="Address space a worker may take, where the platform can bound it."
    )
    worker_cores: int = Field(
        0,
        ge=0,
        description="Cores that a training worker uses; 0: all of its machine, or one on Ray.",
    )
    executor: Literal["local", "ray"] = Field(
        "local", description="Where workers run: on this machine, or on the nodes of a Ray cluster."
    )
    ray_address: str = Field(
        "auto",
        description="The head of the Ray cluster, host:port; auto: that which this machine is a "
        "node of.",
    )
    ray_roles: str = Field(
        "train",
        pattern=rf"^{_ROLE}(,{_ROLE})*$",
        description="Which workers live on Ray, of train, check, look and project, with commas "
        "between them; the others stay on this machine.",
    )
    ray_memory_gib: float = Field(
        2.0, gt=0, description="Memory that Ray sets aside for a worker on its node."
    )
    ray_gpus: float = Field(
        0.0, ge=0, description="GPUs that Ray sets aside for a training worker."
    )
    queue_limit: int = Field(64, ge=0, description="Runs that may wait for a worker.")
    runs_per_visitor: int = Field(16, ge=1, description="Live and waiting runs of one visitor.")
    runs_per_minute: int = Field(
        30,
        ge=1,
        description="Runs that one visitor may start in a minute, one by one or together; and "
        "files that one may bring.",
    )
    checks_per_minute: int = Field(
        1200, ge=1, description="Checks and pictures of losses that one visitor may ask for."
    )
    looks_per_minute: int = Field(
        1800, ge=1, description="Looks into networks that one visitor may ask for in a minute."
    )
    short_seconds: float = Field(
        30.0,
        ge=0,
        description="Runs that, by the pace of those before, take less go before longer ones.",
    )
    answer_seconds: float = Field(
        5.0, gt=0, description="How long the checking worker may take for one answer."
    )
    look_seconds: float = Field(
        30.0, gt=0, description="How long one look into a network may take, data loading included."
    )
    looker_free_gib: float = Field(
        3.0,
        ge=0,
        description="Free memory from which the worker that looks into networks starts with the "
        "server (0: always); with less it starts when somebody first looks.",
    )
    snapshot_mib: float = Field(
        64.0, ge=1, description="Disk that the weights of one run may take, over all its steps."
    )
    checkpoint_mib: float = Field(
        64.0, ge=1, description="Disk that the checkpoints of one run may take."
    )
    resumes: int = Field(
        3,
        ge=0,
        description="How often a run goes on by itself after its worker or its server ended.",
    )
    store_gib: float = Field(
        10.0,
        gt=0,
        description="Disk that all runs together may take; then the oldest that have ended go, "
        "those with a star last.",
    )
    visitor_gib: float = Field(
        # Not less than all may take: whoever is alone here would lose runs while there is room.
        default_factory=lambda known: known.get("store_gib", 10.0),
        gt=0,
        description="Disk that the runs of one visitor may take, as much as all together unless "
        "it is set; then the oldest that have ended go, those with a star last.",
    )
    free_gib: float = Field(
        0.5,
        ge=0,
        description="Disk that must be free for a run to begin and for weights to be kept.",
    )
    run_days: float = Field(
        0.0,
        ge=0,
        description="How many days the runs of anonymous visitors are kept after their end, but "
        "for those with a star; 0: as long as there is room.",
    )
    lock_seconds: float = Field(
        60.0,
        gt=0,
        description="How long a run waits while another program locks the store, or it is gone.",
    )
    lease_seconds: float = Field(
        15.0,
        ge=2,
        description="After how long without a sign of life, by the store's clock, a server of "
        "another machine is dead, and its runs are taken up.",
    )
    pause_minutes: float = Field(
        10.0, gt=0, description="How long a paused run may hold a worker others wait for."
    )
    run_minutes: float = Field(
        30.0, gt=0, description="How long a run may hold a worker others wait for."
    )
    share_minutes: float = Field(
        5.0, gt=0, description="How long one visitor may hold all workers while others wait."
    )
    messages_per_second: float = Field(
        20.0, gt=0, description="Messages of one page that are taken, however many it sends."
    )
    streams_per_visitor: int = Field(
        16, ge=1, description="Streams of events that one visitor may have open, one for a page."
    )
    metrics_token: str = Field(
        "",
        description="Who sends it as a bearer token may read /metrics; without one only programs "
        "of this machine may.",
    )
    login: Literal["off", "offered", "required"] = Field(
        "off",
        description="Whether visitors may, or must, log in by the provider that "
        ".streamlit/secrets.toml describes under [auth].",
    )
    teachers: str = Field(
        "",
        description="E-mail addresses, with commas between them, of who is a teacher once the "
        "provider has verified it.",
    )
    teacher_claim: str = Field(
        "", description="A claim of the provider by which somebody is a teacher, as name=value."
    )
    pins: int = Field(
        12, ge=1, le=50, description="Lessons that may be pinned, by all teachers together."
    )
    log: Literal["text", "json"] = Field(
        "text",
        description="How the log is written: as text, warnings and errors alone, or as a JSON "
        "object a line, with what happens to runs.",
    )
    log_texts: bool = Field(
        False,
        description="Whether the words of exceptions, which may hold what visitors typed, are in "
        "the log of JSON.",
    )
    notice_seconds: float = Field(
        0.0,
        ge=0,
        description="How long a server that is told to end (SIGTERM) says that it is not ready and "
        "takes no new runs, before it ends.",
    )
    drain_seconds: float = Field(
        10.0,
        gt=0,
        description="How long the server's end may wait for open answers, and then for the "
        "checkpoints of its runs.",
    )
    picture_megapixels: float = Field(
        12.0,
        gt=0,
        le=100,
        description="Pixels, in millions, of an uploaded picture; a JPEG may have twice as many.",
    )
    uploads: Path | None = Field(
        None, description="Folder of visitors' own data; left out: `own` in `home`."
    )
    upload_mib: float = Field(100.0, gt=0, description="Size of a file of own data, or of a run.")
    upload_unpacked_mib: float = Field(
        512.0, gt=0, description="What such a file may hold once it is unpacked and decoded."
    )
    upload_images: int = Field(100_000, ge=20, description="Images of a data set of one's own.")
    upload_side: int = Field(
        64,
        ge=8,
        le=256,
        description="Pixels of a side of its images; larger ones are made smaller.",
    )
    upload_classes: int = Field(100, ge=2, le=100, description="Classes of it.")
    upload_seconds: float = Field(180.0, gt=0, description="How long reading such a file may take.")
    upload_days: float = Field(
        30.0, gt=0, description="How long own data are kept after they were last used."
    )
    upload_visitor_mib: float = Field(
        600.0, gt=0, description="Disk that the data of one visitor may take."
    )
    upload_gib: float = Field(5.0, gt=0, description="Disk that all own data may take together.")


@cache
def settings() -> Settings:
    """The process' settings, read from the environment once. Raises SettingError."""
    try:
        return Settings()
    except ValidationError as error:
        faults = error.errors(include_url=False)
    said = [
        f"{_variable(fault['loc'])} cannot be {fault['input']!r}: "
        f"{fault['msg'].removeprefix('Input ')}."
        for fault in faults
        if fault["type"] != "default_factory_not_called"  # of a default that hangs on another
    ]
    raise SettingError(
        " ".join(said), "Change it, or unset it to have the default; the README lists both."
    )


def _variable(place: tuple[int | str, ...]) -> str:
    return f"PLAYGROUND_{str(place[0]).upper()}"
