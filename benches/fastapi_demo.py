"""The tutorial's demo as its text describes it: FastAPI, a list in memory, and a full recount at each event.

Run by `cargo bench -p apmt-benches --bench service -- python`, which prints its rate beside that of `apmt serve`.
The first line that it prints is where it listens.
"""

import asyncio
import socket
from datetime import datetime, timezone

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
events: list[dict] = []


class Event(BaseModel):
    type: str
    actor: str | None = None
    case_id: str | None = None
    value: float | None = None
    occurred_at: datetime | None = None


def dossier(actor: str) -> dict:
    """Counts everything again, as the demo does."""
    mine = [event for event in events if event["actor"] == actor]
    decisions = [event for event in mine if event["type"] in ("DECISION", "OVERRIDE")]
    overrides = [event for event in mine if event["type"] == "OVERRIDE"]
    stars = [event["value"] for event in mine if event["type"] == "SAT_SCORE" and event["value"] is not None]
    rate = len(overrides) / len(decisions) if decisions else 0.0
    mean = sum(stars) / len(stars) if stars else None
    return {
        "actor": actor,
        "override_rate": rate,
        "sat_score_mean": mean,
        "pip_recommended": rate > 0.30 and mean is not None and mean < 3,
    }


@app.post("/event")
async def record_event(event: Event):
    stored = event.model_dump()
    stored["occurred_at"] = stored["occurred_at"] or datetime.now(timezone.utc)
    events.append(stored)
    return {"ok": True, "stored_id": len(events), "dossier": dossier(stored["actor"])}


@app.get("/dossier/{actor}")
async def get_dossier(actor: str):
    return dossier(actor)


def main() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    host, port = listener.getsockname()
    print(f"{host}:{port}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
