"""The two public routes of a link once more, as the stack of FastAPI, SQLAlchemy and asyncpg is commonly written, on the same schema.

    DATABASE_URL=postgresql+asyncpg:///collect?host=FOLDER&user=collect_public PII_KEY=HEX uvicorn --app-dir bench/peers fastapi_app:app --workers 2

GET /api/public/v1/links/{slug} and POST /api/public/v1/links/{slug}/responses do what `collect serve` does for the questionnaires of bench/forty.py, and
nothing that can be left out: answers are held to their questions' rules, the personal ones are sealed by AES-256-GCM with a key that the process has,
response, event and quota cell are written in one transaction under row security. Link and definition are asked for once and kept. Statements are
SQLAlchemy's Core with the driver's prepared statements, which is faster than the ORM's sessions.
"""

import asyncio
import hashlib
import json
import os
import re
import secrets
import time
import uuid
from datetime import datetime, timezone

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, func, select, text
from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB, UUID, insert
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=int(os.environ.get("POOL", "10")), max_overflow=0, pool_timeout=60,
                             connect_args={"server_settings": {"search_path": "collect", "jit": "off"}})
pii = AESGCM(bytes.fromhex(os.environ["PII_KEY"]))
app = FastAPI(docs_url=None, redoc_url=None)
meta = MetaData()


def columns(name, **kinds):
    return Table(name, meta, *(Column(n, k, primary_key=n == "id") for n, k in kinds.items()))


responses = columns("responses", tenant_id=UUID(True), survey_id=UUID(True), id=UUID(True), link_id=UUID(True), survey_version=Integer, status=Text,
                    outcome=Text, language=Text, answers=JSONB, parameters=JSONB, seed=BigInteger, idempotency_key=Text, payload_hash=LargeBinary,
                    completed_at=DateTime(True), sealed=LargeBinary, sealed_key_version=Integer, quota_cells=JSONB)
events = columns("events", tenant_id=UUID(True), id=UUID(True), aggregate_type=Text, aggregate_id=UUID(True), type=Text, data=JSONB, request_id=Text,
                 sequence=Integer, actor_kind=Text)
quota_cells = columns("quota_cells", tenant_id=UUID(True), survey_id=UUID(True), quota=Text, cell=Text, lim=BigInteger, used=BigInteger)
links = columns("links", tenant_id=UUID(True), id=UUID(True), survey_id=UUID(True), slug=Text, status=Text)
surveys = columns("surveys", tenant_id=UUID(True), id=UUID(True), language=Text, published_version=Integer)
versions = columns("survey_versions", tenant_id=UUID(True), id=UUID(True), survey_id=UUID(True), number=Integer, title=Text, definition=JSONB)


def uuid7():
    return uuid.UUID(int=(int(time.time() * 1000) << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (2 << 62) | secrets.randbits(62))


def bind(tenant):
    return select(func.set_config("app.current_tenant_id", str(tenant), True))


# ---- what a question lets pass ----

def rule_of(q):
    kind, name = q["type"], q["name"]
    if kind == "text":
        most = q.get("max_length", 10000)
        return lambda v: None if isinstance(v, str) and len(v) <= most else f"{name}: a text of at most {most} characters"
    if kind == "rating":
        low, high = q["min"], q["max"]
        return lambda v: None if isinstance(v, int) and low <= v <= high else f"{name}: a number from {low} to {high}"
    allowed = {c["value"] for c in q["choices"]}
    if kind == "single":
        return lambda v: None if v in allowed else f"{name}: one of its choices"
    return lambda v: None if isinstance(v, list) and len(set(v)) == len(v) and allowed.issuperset(v) else f"{name}: some of its choices"


class Survey:
    """A published version, made ready: rules by question, personal questions, quota cells."""

    def __init__(self, tenant, link, survey, language, number, title, definition):
        self.tenant, self.link, self.id, self.number, self.title, self.language = tenant, link.id, survey, number, title, language
        questions = [q for page in definition["survey"]["pages"] for q in page["questions"]]
        self.rules = {q["name"]: rule_of(q) for q in questions}
        self.required = {q["name"] for q in questions if q.get("required")}
        self.personal = {q["name"] for q in questions if q.get("pii")}
        self.cells = []
        for quota in definition["survey"].get("quotas", []):
            for cell in quota["cells"]:
                name, value = re.fullmatch(r"\{(\w+)\} = '(\w+)'", cell["when"]).groups()
                self.cells.append((quota["name"], cell["name"], cell["limit"], name, value))
        public = {"survey": {k: v for k, v in definition["survey"].items() if k != "quotas"}}
        self.reply = json.dumps({"slug": link.slug, "survey_id": str(survey), "survey_version": number, "title": title, "language": language,
                                 "languages": definition["survey"]["languages"], "opens_at": None, "closes_at": None, "definition": public})


known = {}


async def survey_of(slug):
    if slug in known:
        return known[slug]
    async with engine.begin() as db:
        found = (await db.execute(text("select tenant_id, link_id from slug_lookup(:slug)"), {"slug": slug})).first()
        if not found:
            raise HTTPException(404, "no such link")
        await db.execute(bind(found.tenant_id))
        link = (await db.execute(select(links).where(links.c.id == found.link_id, links.c.status == "open"))).first()
        if not link:
            raise HTTPException(404, "no such link")
        row = (await db.execute(select(surveys.c.language, versions.c.number, versions.c.title, versions.c.definition).where(
            surveys.c.id == link.survey_id, versions.c.survey_id == surveys.c.id, versions.c.number == surveys.c.published_version))).first()
    known[slug] = Survey(found.tenant_id, link, link.survey_id, *row)
    return known[slug]


# ---- routes ----

class Submission(BaseModel):
    answers: dict
    language: str = None
    parameters: dict = {}


@app.get("/api/public/v1/links/{slug}")
async def link_get(slug: str):
    return Response((await survey_of(slug)).reply, media_type="application/json")


def judge(survey, body):
    problems = [f"{name}: an answer is missing" for name in survey.required - body.answers.keys()]
    for name, value in body.answers.items():
        rule = survey.rules.get(name)
        problem = rule(value) if rule else f"{name}: no such question"
        if problem:
            problems.append(problem)
    if problems:
        raise HTTPException(422, problems)
    open_answers = {n: v for n, v in body.answers.items() if n not in survey.personal}
    personal = {n: v for n, v in body.answers.items() if n in survey.personal}
    cells = [(quota, cell, limit) for quota, cell, limit, name, value in survey.cells if body.answers.get(name) == value]
    return open_answers, personal, cells


async def write(survey, row, event, cells):
    """True when it was stored; False when its key is stored already. A full cell rolls everything back."""
    async with engine.begin() as db:
        await db.execute(bind(survey.tenant))
        stored = await db.execute(insert(responses).values(row).on_conflict_do_nothing().returning(responses.c.id))
        if not stored.first():
            return False
        await db.execute(insert(events).values(event))
        for quota, cell, limit in cells:
            place = insert(quota_cells).values(tenant_id=survey.tenant, survey_id=survey.id, quota=quota, cell=cell, lim=limit, used=1)
            place = place.on_conflict_do_update(index_elements=["tenant_id", "survey_id", "quota", "cell"], set_={"used": quota_cells.c.used + 1},
                                                where=quota_cells.c.used + 1 <= place.excluded.lim).returning(quota_cells.c.used)
            if not (await db.execute(place)).first():
                raise HTTPException(409, "quota full")
    return True


async def replay(survey, key, payload):
    async with engine.begin() as db:
        await db.execute(bind(survey.tenant))
        row = (await db.execute(select(responses.c.id, responses.c.completed_at, responses.c.payload_hash).where(
            responses.c.survey_id == survey.id, responses.c.idempotency_key == key))).first()
    if row.payload_hash != payload:
        raise HTTPException(422, "the key was used for something else")
    return row.id, row.completed_at


@app.post("/api/public/v1/links/{slug}/responses", status_code=201)
async def response_new(slug: str, body: Submission, idempotency_key: str = Header(None)):
    survey = await survey_of(slug)
    answers, personal, cells = judge(survey, body)
    rid, now, key, sealed = uuid7(), datetime.now(timezone.utc), idempotency_key or str(uuid.uuid4()), None
    payload = hashlib.sha256(json.dumps(body.dict(), sort_keys=True).encode()).digest()
    if personal:
        nonce = secrets.token_bytes(12)
        sealed = nonce + pii.encrypt(nonce, json.dumps(personal).encode(), survey.tenant.bytes + survey.id.bytes + rid.bytes)
    language = body.language or survey.language
    row = dict(tenant_id=survey.tenant, survey_id=survey.id, id=rid, link_id=survey.link, survey_version=survey.number, status="completed",
               outcome="completed", language=language, answers=answers, parameters=body.parameters, seed=secrets.randbits(62), idempotency_key=key,
               payload_hash=payload, completed_at=now, sealed=sealed, sealed_key_version=1 if sealed else None,
               quota_cells=[{"quota": q, "cell": c, "lim": m} for q, c, m in cells] or None)
    event = dict(tenant_id=survey.tenant, id=uuid7(), aggregate_type="response", aggregate_id=rid, type="completed", sequence=1, actor_kind="respondent",
                 request_id=str(uuid.uuid4()), data={"survey_id": str(survey.id), "link_id": str(survey.link), "survey_version": survey.number,
                                                     "status": "completed", "outcome": "completed", "language": language})
    if not await write(survey, row, event, cells):
        rid, now = await replay(survey, key, payload)
    return {"id": str(rid), "status": "completed", "outcome": "completed", "survey_version": survey.number, "completed_at": now.isoformat()}


@app.on_event("shutdown")
async def end():
    await asyncio.shield(engine.dispose())
