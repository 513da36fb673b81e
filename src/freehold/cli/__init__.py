"""The command line. This module imports nothing but click, so that `freehold --help` starts at once."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from freehold import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("freehold.cli.init:init", "Start an estate: a scaffold, or drafts from a database that is there."),
    "new": ("freehold.cli.new:new", "Begin a file of your operating model: a workflow, a rule, a KPI, a document."),
    "validate": ("freehold.cli.validate:validate", "Check every file of the estate, without a warehouse."),
    "plan": ("freehold.cli.plan:plan", "Show what a change would do, before anything is built."),
    "apply": ("freehold.cli.apply:apply", "Put a change in force: built, judged and published whole, or not at all."),
    "promote": ("freehold.cli.apply:promote", "Put in force in one environment what is applied in another."),
    "approve": ("freehold.cli.approve:approve", "Approve a plan, where there is no code review."),
    "reject": ("freehold.cli.approve:reject", "Reject a plan, and say why."),
    "notice": ("freehold.cli.notice:notice", "Tell consumers what a change takes from them, before it does."),
    "gate": ("freehold.cli.gate:gate", "Show what the gate would have said of past changes."),
    "search": ("freehold.cli.search:search", "Find anything of the estate by any of its names, and why it was found."),
    "catalog": ("freehold.cli.catalog:catalog", "See how the catalog stands; make it anew."),
    "lineage": ("freehold.cli.lineage:lineage", "Show which columns a column comes from, and goes into."),
    "impact": ("freehold.cli.impact:impact", "Show who is hit when something changes or goes."),
    "dashboards": ("freehold.cli.dashboards:dashboards", "List who reads the estate from outside, and what of it."),
    "diff": ("freehold.cli.diff:diff", "Compare the rows of an asset in two environments."),
    "query": ("freehold.cli.query:query", "Answer from certified definitions: metrics by keys, for rows and days."),
    "ask": ("freehold.cli.ask:ask", "Answer a question in words, ask back, or refuse."),
    "metrics": ("freehold.cli.metrics:metrics", "See metrics: which there are, what they mean, whether they hold."),
    "policies": ("freehold.cli.policies:policies", "Show who may see what of which asset."),
    "access": ("freehold.cli.access:access", "Show what somebody may see and do at a server, and why."),
    "explain": ("freehold.cli.explain:explain", "Explain a number: what moved it, what happened, how it came to be."),
    "deprecate": ("freehold.cli.deprecate:deprecate", "Say that something goes, by when and why; tell who reads it."),
    "items": ("freehold.cli.items:items", "See, begin and move work items: questions, requests, disputes, incidents."),
    "inbox": ("freehold.cli.items:inbox", "Show what waits for you, what is late first."),
    "roadmap": ("freehold.cli.roadmap:roadmap", "See what is promised for when, at risk, and in which order."),
    "decisions": ("freehold.cli.decisions:decisions", "See what was decided, why, and what it ended."),
    "objectives": ("freehold.cli.objectives:objectives", "See what is to be reached, and how far metrics have come."),
    "kpi": ("freehold.cli.kpi:kpi", "See KPIs: what the ledger says of how we do, as of any time."),
    "brief": ("freehold.cli.brief:brief", "Say what a home page says, as a letter; send it."),
    "document": ("freehold.cli.document:document", "Write documents from evidence, as of any time; sign and verify."),
    "run": ("freehold.cli.run:run", "Build, check and publish what is new."),
    "backfill": ("freehold.cli.backfill:backfill", "Build again what stands; published once, at the end."),
    "schedule": ("freehold.cli.schedule:schedule", "Show what runs when: what is due next, what ran, what was missed."),
    "work": ("freehold.cli.work:work", "Run what is due, as it falls due; as many workers as you like."),
    "check": ("freehold.cli.check:check", "Judge live data by its contracts, building nothing."),
    "serve": ("freehold.cli.serve:serve", "Serve the estate: pages for people, an API for programs."),
    "jobs": ("freehold.cli.jobs:jobs", "See what a server does in the background; stop it."),
    "mcp": ("freehold.cli.mcp:mcp", "Answer an agent on this machine, by the Model Context Protocol."),
    "token": ("freehold.cli.token:token", "Make, list and revoke what programs sign in with."),
    "webhooks": ("freehold.cli.webhooks:webhooks", "See who is told of events by webhook, and what was sent."),
    "status": ("freehold.cli.status:status", "Show each product: safe to use now? since when? what is in quarantine?"),
    "status-page": ("freehold.cli.status_page:status_page", "Say to everybody how products are: a web site of files."),
    "alerts": ("freehold.cli.alerts:alerts", "See what is wrong and who is paged; say what it was; silence it."),
    "slo": ("freehold.cli.slo:slo", "See how often promises are kept, and what is left of their error budgets."),
    "performance": (
        "freehold.cli.performance:performance",
        "See how long runs and queries take and wait, and which fail.",
    ),
    "anomalies": ("freehold.cli.anomalies:anomalies", "See what is unusual about batches, and say what it was."),
    "incidents": (
        "freehold.cli.incidents:incidents",
        "See what is wrong for readers, and what did it; mitigate it, end it.",
    ),
    "postmortem": (
        "freehold.cli.postmortem:postmortem",
        "Write down what incidents taught, and agree on what follows.",
    ),
    "quarantine": ("freehold.cli.quarantine:quarantine", "Look at candidates that were kept from being published."),
    "rollback": ("freehold.cli.rollback:rollback", "Go back to the previous good deployment, at once."),
    "deployments": ("freehold.cli.deployments:deployments", "Show what was published when; take a deployment back."),
    "environments": ("freehold.cli.environments:environments", "Show the environments; take one away."),
    "usage": ("freehold.cli.usage:usage", "See who reads what; bring in what warehouses recorded of it."),
    "export": ("freehold.cli.export:export", "Write a pipeline: plan on the pull request, apply on merge."),
    "ledger": ("freehold.cli.ledger:ledger", "Read what happened: tail, show, export; migrate it elsewhere."),
    "audit": ("freehold.cli.audit:audit", "Prove that the ledger is whole."),
    "rules": ("freehold.cli.rules:rules", "Show the rules of the estate, and what comes of them."),
    "collect": ("freehold.cli.collect:collect", "Drop tables and rows that nothing can reach any more."),
    "schema": ("freehold.cli.schema:schema", "Print the JSON Schema of a kind of file, for editors."),
    "up": ("freehold.cli.up:up", "See it work in a browser: the demo, served and opened."),
    "demo": ("freehold.cli.demo:demo", "See it work: a retailer, its days, three faults caught."),
}

# First words of what a server that has the estate does as jobs; a test holds them to `freehold.server.jobs.kinds`.
HANDED_OVER = frozenset(
    {
        "run",
        "check",
        "apply",
        "promote",
        "rollback",
        "deployments",
        "backfill",
        "collect",
        "rules",
        "objectives",
        "items",
        "incidents",
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are called."""

    # click gives every hook a context; most of these need none
    # ruff: noqa: ARG002

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a user's journey."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        if cmd_name not in HANDED_OVER:
            return command
        from freehold.cli.handing import handing

        return handing(cmd_name, command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the near matches of a command that does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from freehold.foundation import near

            ctx.fail(f"No such command `{args[0]}`. {near(args[0], COMMANDS) or 'See `freehold --help`.'}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with `freehold demo`, or `freehold init my-estate` and `freehold validate`.",
)
@click.version_option(__version__, "-V", "--version", prog_name="freehold")
@click.option("-C", "--estate", default=None, metavar="DIR", help="The estate; default: here, or the folders above.")
@click.option("--here", is_flag=True, help="Do it in this process, even where a server has the estate.")
@click.pass_context
def cli(ctx: click.Context, estate: str | None, here: bool) -> None:  # noqa: ARG001 read where commands are handed over
    """Freehold: declare data products in git, publish only what passes, remember everything.

    Exit codes: 0 done; 1 a finding, a failed check; 2 usage; 3 the environment (lock, disk, connection);
    4 approval needed; 70 a defect of Freehold; 130 stopped.
    """
    ctx.obj = estate


def main(color: bool | None = None) -> None:
    """Run the command line and end with its exit code. `color` says whether to paint, whatever stdout is."""
    try:
        code = cli.main(prog_name="freehold", standalone_mode=False, color=color) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`): that is its right, and no error of ours.
        sys.stdout = None
        sys.exit(0)
    except Exception as error:
        from freehold.cli.ending import end

        end(error)
    sys.exit(code)
