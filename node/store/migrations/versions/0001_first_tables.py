"""The first tables."""

import sqlalchemy as sa
from alembic import op

from node.store import journal
from node.store.search import index

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carried_head",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "origin", name=op.f("pk_carried_head")),
    )
    op.create_table(
        "carried_receipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carried_receipt")),
    )
    op.create_table(
        "case_file",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("disclosed", sa.LargeBinary(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("review_due", sa.String(length=10), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_file")),
    )
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_file_reference"), ["reference"], unique=False)
        batch_op.create_index(
            "ix_case_file_register",
            ["updated_at", "case_id", "status", "category", "review_due"],
            unique=False,
        )
        batch_op.create_index(
            "ix_case_file_status", ["status", "updated_at", "case_id", "category", "review_due"], unique=False
        )

    op.create_table(
        "column_mapping",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_mapping")),
    )
    op.create_table(
        "comparison",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("compared_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_comparison")),
    )
    op.create_table(
        "continued_case",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("newest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_continued_case")),
    )
    with op.batch_alter_table("continued_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_continued_case_newest"), ["newest"], unique=False)

    op.create_table(
        "evidence",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("found", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_origin"), ["origin"], unique=False)

    op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("pending", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("newer_head", sa.LargeBinary(), nullable=True),
        sa.Column("advanced_at", sa.BigInteger(), nullable=True),
        sa.Column("through", sa.String(), nullable=False),
        sa.Column("readers", sa.Text(), nullable=True),
        sa.Column("readers_at", sa.BigInteger(), nullable=True),
        sa.Column("pruned", sa.LargeBinary(), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("skipped_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
        sa.UniqueConstraint("member", "audience", name=op.f("uq_feed_member_audience")),
        sa.UniqueConstraint("origin", name=op.f("uq_feed_origin")),
    )
    op.create_table(
        "handover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("giving", sa.Boolean(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("offer", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("other_case", sa.String(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("giving", "member", "offer", name=op.f("uq_handover_giving_member_offer")),
    )
    with op.batch_alter_table("handover", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handover_case_id"), ["case_id"], unique=False)

    op.create_table(
        "journal",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("fields", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_journal_case_id"), ["case_id"], unique=False)

    op.create_table(
        "lead",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("assigned_to", sa.String(), nullable=False),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead")),
        sa.UniqueConstraint("outgoing", "member", "token_id", name=op.f("uq_lead_outgoing_member_token_id")),
    )
    with op.batch_alter_table("lead", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_lead_state", ["outgoing", "state", "id"], unique=False)
        batch_op.create_index("ix_lead_token_id", ["token_id"], unique=False)
        batch_op.create_index(
            "ix_lead_unread",
            ["id"],
            unique=False,
            sqlite_where=sa.text("unread"),
            postgresql_where=sa.text("unread"),
        )

    op.create_table(
        "loose_photograph",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("member", "sha256", name=op.f("pk_loose_photograph")),
    )
    op.create_table(
        "mark",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mark")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("re", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledgement", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "outgoing", "member", "token_id", name=op.f("uq_message_outgoing_member_token_id")
        ),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_case_id", ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_message_state", ["outgoing", "state", "member", "id"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_table(
        "peer",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.String(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("lying", sa.Boolean(), nullable=False),
        sa.Column("false_at", sa.BigInteger(), nullable=True),
        sa.Column("false_reason", sa.String(), nullable=False),
        sa.Column("unheard", sa.Boolean(), nullable=False),
        sa.Column("rung_at", sa.BigInteger(), nullable=True),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_peer")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("second_factor", sa.LargeBinary(), nullable=True),
        sa.Column("used_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_in_at", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_person_issuer_subject")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "poster",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("style", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("languages", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version", "style", "form", "languages", name=op.f("pk_poster")),
    )
    with op.batch_alter_table("poster", schema=None) as batch_op:
        batch_op.create_index("ix_poster_last_at", ["last_at"], unique=False)

    op.create_table(
        "receipt_statement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_statement")),
    )
    op.create_table(
        "search_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("shown_to", sa.SmallInteger(), nullable=False),
        sa.Column("sex", sa.SmallInteger(), nullable=True),
        sa.Column("age_min", sa.Integer(), nullable=True),
        sa.Column("age_max", sa.Integer(), nullable=True),
        sa.Column("born_from", sa.Integer(), nullable=True),
        sa.Column("born_to", sa.Integer(), nullable=True),
        sa.Column("missing_from", sa.Integer(), nullable=True),
        sa.Column("missing_to", sa.Integer(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("radius_m", sa.Double(), nullable=False),
        sa.Column("has_photo", sa.Boolean(), nullable=False),
        sa.Column("alert_until", sa.BigInteger(), nullable=True),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("feed_id", sa.Integer(), nullable=True),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("seen_in", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_entry")),
    )
    with op.batch_alter_table("search_entry", schema=None) as batch_op:
        batch_op.create_index(
            "ix_search_entry_alert",
            ["since", "alert_until", "owner", "shown_to", "hidden", "country", "seen_in"],
            unique=False,
            sqlite_where=sa.text("alert_until IS NOT NULL"),
            postgresql_where=sa.text("alert_until IS NOT NULL"),
        )
        batch_op.create_index("ix_search_entry_case", ["case_id", "source", "feed_id"], unique=False)
        batch_op.create_index(
            "ix_search_entry_filters",
            [
                "country",
                "updated",
                "hidden",
                "shown_to",
                "sex",
                "missing_to",
                "age_min",
                "age_max",
                "born_from",
                "born_to",
                "has_photo",
                "category",
            ],
            unique=False,
        )
        batch_op.create_index("ix_search_entry_place", ["lat", "lon"], unique=False)
        batch_op.create_index(
            "ix_search_entry_since",
            [
                "since",
                "age_min",
                "age_max",
                "sex",
                "missing_to",
                "shown_to",
                "hidden",
                "category",
                "country",
                "seen_in",
            ],
            unique=False,
            sqlite_where=sa.text("shown_to > 0"),
            postgresql_where=sa.text("shown_to > 0"),
            postgresql_include=["id"],
        )
        batch_op.create_index("ix_search_entry_updated", ["updated"], unique=False)

    op.create_table(
        "search_text",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("names_fold", sa.Text(), nullable=False),
        sa.Column("names_skeleton", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_text")),
    )
    op.create_table(
        "seen_request",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "token_id", name=op.f("pk_seen_request")),
    )
    with op.batch_alter_table("seen_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seen_request_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_account"), ["account"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_address"), ["address"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_at"), ["at"], unique=False)

    op.create_table(
        "staff_token",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_token")),
    )
    op.create_table(
        "unlinked_identity",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_unlinked_identity")),
    )
    with op.batch_alter_table("unlinked_identity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unlinked_identity_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "waypoint",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_waypoint")),
    )
    op.create_table(
        "withdrawal",
        sa.Column("endorser", sa.String(), nullable=False),
        sa.Column("endorsement", sa.String(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("endorser", "endorsement", name=op.f("pk_withdrawal")),
    )
    op.create_table(
        "case_draft",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_case_draft_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_draft")),
    )
    with op.batch_alter_table("case_draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_draft_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_draft_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_draft_updated_at"), ["updated_at"], unique=False)

    op.create_table(
        "case_due",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.case_id"], name=op.f("fk_case_due_case_id")),
        sa.PrimaryKeyConstraint("case_id", "kind", "due", name=op.f("pk_case_due")),
    )
    with op.batch_alter_table("case_due", schema=None) as batch_op:
        batch_op.create_index("ix_case_due_due", ["due", "kind", "case_id"], unique=False)

    op.create_table(
        "case_exclusion",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.case_id"], name=op.f("fk_case_exclusion_case_id")),
        sa.PrimaryKeyConstraint("case_id", "member", name=op.f("pk_case_exclusion")),
    )
    op.create_table(
        "case_import",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_case_import_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_import")),
    )
    with op.batch_alter_table("case_import", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_import_ends_at"), ["ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_import_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_import_state"), ["state"], unique=False)

    op.create_table(
        "case_photograph",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.case_id"], name=op.f("fk_case_photograph_case_id")),
        sa.PrimaryKeyConstraint("case_id", "sha256", name=op.f("pk_case_photograph")),
    )
    with op.batch_alter_table("case_photograph", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_photograph_sha256"), ["sha256"], unique=False)

    op.create_table(
        "case_revision",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.case_id"], name=op.f("fk_case_revision_case_id")),
        sa.PrimaryKeyConstraint("case_id", "revision", name=op.f("pk_case_revision")),
    )
    op.create_table(
        "console_session",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("by_provider", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_console_session_person_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_console_session")),
    )
    with op.batch_alter_table("console_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_console_session_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_console_session_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "evidence_delivery",
        sa.Column("evidence_id", sa.String(length=64), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_delivery_evidence_id")
        ),
        sa.PrimaryKeyConstraint("evidence_id", "member", name=op.f("pk_evidence_delivery")),
    )
    op.create_table(
        "feed_bundle",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_feed_bundle_feed_id")),
        sa.PrimaryKeyConstraint("feed_id", "place", name=op.f("pk_feed_bundle")),
    )
    op.create_table(
        "feed_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("expires", sa.String(length=10), nullable=False),
        sa.Column("leaf_at", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.Column("stored", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.Column("purge_from", sa.BigInteger(), nullable=True),
        sa.Column("emptied_at", sa.BigInteger(), nullable=True),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_feed_case_feed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_case")),
        sa.UniqueConstraint("feed_id", "case_id", name=op.f("uq_feed_case_feed_id_case_id")),
    )
    with op.batch_alter_table("feed_case", schema=None) as batch_op:
        batch_op.create_index("ix_feed_case_digest", ["digest"], unique=False)
        batch_op.create_index("ix_feed_case_expires", ["feed_id", "expires"], unique=False)
        batch_op.create_index(
            "ix_feed_case_hidden",
            ["hidden_at"],
            unique=False,
            sqlite_where=sa.text("hidden_at IS NOT NULL"),
            postgresql_where=sa.text("hidden_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_feed_case_owed",
            ["feed_id"],
            unique=False,
            sqlite_where=sa.text("owed"),
            postgresql_where=sa.text("owed"),
        )
        batch_op.create_index("ix_feed_case_state", ["feed_id", "state", "place"], unique=False)
        batch_op.create_index(
            "ix_feed_case_unpurged",
            ["hidden_at"],
            unique=False,
            sqlite_where=sa.text("hidden_at IS NOT NULL AND purged_at IS NULL"),
            postgresql_where=sa.text("hidden_at IS NOT NULL AND purged_at IS NULL"),
        )

    op.create_table(
        "feed_tile",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_feed_tile_feed_id")),
        sa.PrimaryKeyConstraint("feed_id", "level", "place", name=op.f("pk_feed_tile")),
    )
    op.create_table(
        "gate_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("review_due", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("review_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.case_id"], name=op.f("fk_gate_request_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_request")),
    )
    with op.batch_alter_table("gate_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gate_request_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gate_request_state"), ["state"], unique=False)

    op.create_table(
        "head",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("cosigned", sa.LargeBinary(), nullable=True),
        sa.Column("cosigned_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_head_feed_id")),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_head")),
    )
    op.create_table(
        "kept_form",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_kept_form_person_id")),
        sa.PrimaryKeyConstraint("person_id", "path", name=op.f("pk_kept_form")),
    )
    with op.batch_alter_table("kept_form", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_form_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "lead_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_entry_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_entry")),
    )
    with op.batch_alter_table("lead_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_entry_lead_id"), ["lead_id"], unique=False)

    op.create_table(
        "lead_photograph",
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("small", sa.LargeBinary(), nullable=False),
        sa.Column("full", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_photograph_lead_id")),
        sa.PrimaryKeyConstraint("lead_id", "entry_id", name=op.f("pk_lead_photograph")),
    )
    op.create_table(
        "receipt",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=True),
        sa.Column("hidden_at", sa.BigInteger(), nullable=True),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.Column("nothing_held", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_receipt_feed_id")),
        sa.PrimaryKeyConstraint("feed_id", "case_id", "member", name=op.f("pk_receipt")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_receipt_held",
            ["member", "case_id"],
            unique=False,
            sqlite_where=sa.text("held_at IS NOT NULL AND hidden_at IS NULL"),
            postgresql_where=sa.text("held_at IS NOT NULL AND hidden_at IS NULL"),
        )

    op.create_table(
        "recovery_code",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id")),
        sa.PrimaryKeyConstraint("person_id", "hash", name=op.f("pk_recovery_code")),
    )
    op.create_table(
        "saved_search",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_search_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
    )
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_saved_search_person_id"), ["person_id"], unique=False)

    op.create_table(
        "witness",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("ahead_seconds", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_witness_feed_id")),
        sa.PrimaryKeyConstraint("feed_id", "member", name=op.f("pk_witness")),
    )
    op.create_table(
        "case_import_row",
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["case_import.id"], name=op.f("fk_case_import_row_import_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_case_import_row")),
    )
    with op.batch_alter_table("case_import_row", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_import_row_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_case_import_row_state", ["import_id", "state", "number"], unique=False)

    op.create_table(
        "case_statement",
        sa.Column("case_key", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("renew_at", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_key"], ["feed_case.id"], name=op.f("fk_case_statement_case_key")),
        sa.PrimaryKeyConstraint("case_key", name=op.f("pk_case_statement")),
    )
    op.create_table(
        "document",
        sa.Column("case_key", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_key"], ["feed_case.id"], name=op.f("fk_document_case_key")),
        sa.PrimaryKeyConstraint("case_key", name=op.f("pk_document")),
    )
    op.create_table(
        "gate_party",
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["gate_request.id"], name=op.f("fk_gate_party_request")),
        sa.PrimaryKeyConstraint("request", "person", name=op.f("pk_gate_party")),
    )
    op.create_table(
        "photograph",
        sa.Column("case_key", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rendition", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_key"], ["feed_case.id"], name=op.f("fk_photograph_case_key")),
        sa.PrimaryKeyConstraint("case_key", "sha256", name=op.f("pk_photograph")),
    )
    with op.batch_alter_table("photograph", schema=None) as batch_op:
        batch_op.create_index("ix_photograph_sha256", ["sha256"], unique=False)
        batch_op.create_index("ix_photograph_state", ["state", "rendition"], unique=False)

    op.create_table(
        "published",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("case_key", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_key"], ["feed_case.id"], name=op.f("fk_published_case_key")),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_published_feed_id")),
        sa.PrimaryKeyConstraint("feed_id", "digest", name=op.f("pk_published")),
    )
    index.create_indexes(op.get_bind())
    journal.create_guards(op.get_bind())


def downgrade() -> None:
    index.drop_indexes(op.get_bind())
    journal.drop_guards(op.get_bind())
    op.drop_table("published")
    with op.batch_alter_table("photograph", schema=None) as batch_op:
        batch_op.drop_index("ix_photograph_state")
        batch_op.drop_index("ix_photograph_sha256")

    op.drop_table("photograph")
    op.drop_table("gate_party")
    op.drop_table("document")
    op.drop_table("case_statement")
    with op.batch_alter_table("case_import_row", schema=None) as batch_op:
        batch_op.drop_index("ix_case_import_row_state")
        batch_op.drop_index(batch_op.f("ix_case_import_row_case_id"))

    op.drop_table("case_import_row")
    op.drop_table("witness")
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_search_person_id"))

    op.drop_table("saved_search")
    op.drop_table("recovery_code")
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_receipt_held",
            sqlite_where=sa.text("held_at IS NOT NULL AND hidden_at IS NULL"),
            postgresql_where=sa.text("held_at IS NOT NULL AND hidden_at IS NULL"),
        )

    op.drop_table("receipt")
    op.drop_table("lead_photograph")
    with op.batch_alter_table("lead_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_entry_lead_id"))

    op.drop_table("lead_entry")
    with op.batch_alter_table("kept_form", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kept_form_expires_at"))

    op.drop_table("kept_form")
    op.drop_table("head")
    with op.batch_alter_table("gate_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gate_request_state"))
        batch_op.drop_index(batch_op.f("ix_gate_request_case_id"))

    op.drop_table("gate_request")
    op.drop_table("feed_tile")
    with op.batch_alter_table("feed_case", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_feed_case_unpurged",
            sqlite_where=sa.text("hidden_at IS NOT NULL AND purged_at IS NULL"),
            postgresql_where=sa.text("hidden_at IS NOT NULL AND purged_at IS NULL"),
        )
        batch_op.drop_index("ix_feed_case_state")
        batch_op.drop_index(
            "ix_feed_case_owed", sqlite_where=sa.text("owed"), postgresql_where=sa.text("owed")
        )
        batch_op.drop_index(
            "ix_feed_case_hidden",
            sqlite_where=sa.text("hidden_at IS NOT NULL"),
            postgresql_where=sa.text("hidden_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_feed_case_expires")
        batch_op.drop_index("ix_feed_case_digest")

    op.drop_table("feed_case")
    op.drop_table("feed_bundle")
    op.drop_table("evidence_delivery")
    with op.batch_alter_table("console_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_console_session_seen_at"))
        batch_op.drop_index(batch_op.f("ix_console_session_person_id"))

    op.drop_table("console_session")
    op.drop_table("case_revision")
    with op.batch_alter_table("case_photograph", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_photograph_sha256"))

    op.drop_table("case_photograph")
    with op.batch_alter_table("case_import", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_import_state"))
        batch_op.drop_index(batch_op.f("ix_case_import_person_id"))
        batch_op.drop_index(batch_op.f("ix_case_import_ends_at"))

    op.drop_table("case_import")
    op.drop_table("case_exclusion")
    with op.batch_alter_table("case_due", schema=None) as batch_op:
        batch_op.drop_index("ix_case_due_due")

    op.drop_table("case_due")
    with op.batch_alter_table("case_draft", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_draft_updated_at"))
        batch_op.drop_index(batch_op.f("ix_case_draft_person_id"))
        batch_op.drop_index(batch_op.f("ix_case_draft_case_id"))

    op.drop_table("case_draft")
    op.drop_table("withdrawal")
    op.drop_table("waypoint")
    with op.batch_alter_table("unlinked_identity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unlinked_identity_expires_at"))

    op.drop_table("unlinked_identity")
    op.drop_table("staff_token")
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_at"))
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_address"))
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_account"))

    op.drop_table("sign_in_attempt")
    with op.batch_alter_table("seen_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_seen_request_expires_at"))

    op.drop_table("seen_request")
    op.drop_table("search_text")
    with op.batch_alter_table("search_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_search_entry_updated")
        batch_op.drop_index(
            "ix_search_entry_since",
            sqlite_where=sa.text("shown_to > 0"),
            postgresql_where=sa.text("shown_to > 0"),
            postgresql_include=["id"],
        )
        batch_op.drop_index("ix_search_entry_place")
        batch_op.drop_index("ix_search_entry_filters")
        batch_op.drop_index("ix_search_entry_case")
        batch_op.drop_index(
            "ix_search_entry_alert",
            sqlite_where=sa.text("alert_until IS NOT NULL"),
            postgresql_where=sa.text("alert_until IS NOT NULL"),
        )

    op.drop_table("search_entry")
    op.drop_table("receipt_statement")
    with op.batch_alter_table("poster", schema=None) as batch_op:
        batch_op.drop_index("ix_poster_last_at")

    op.drop_table("poster")
    op.drop_table("person")
    op.drop_table("peer")
    op.drop_table("notice")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_state")
        batch_op.drop_index(batch_op.f("ix_message_expires_at"))
        batch_op.drop_index("ix_message_case_id")

    op.drop_table("message")
    op.drop_table("mark")
    op.drop_table("loose_photograph")
    with op.batch_alter_table("lead", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_lead_unread", sqlite_where=sa.text("unread"), postgresql_where=sa.text("unread")
        )
        batch_op.drop_index("ix_lead_token_id")
        batch_op.drop_index("ix_lead_state")
        batch_op.drop_index(batch_op.f("ix_lead_case_id"))

    op.drop_table("lead")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_journal_case_id"))

    op.drop_table("journal")
    with op.batch_alter_table("handover", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_handover_case_id"))

    op.drop_table("handover")
    op.drop_table("feed")
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_origin"))

    op.drop_table("evidence")
    with op.batch_alter_table("continued_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_continued_case_newest"))

    op.drop_table("continued_case")
    op.drop_table("comparison")
    op.drop_table("column_mapping")
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.drop_index("ix_case_file_status")
        batch_op.drop_index("ix_case_file_register")
        batch_op.drop_index(batch_op.f("ix_case_file_reference"))

    op.drop_table("case_file")
    op.drop_table("carried_receipt")
    op.drop_table("carried_head")
