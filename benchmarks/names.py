"""The benchmarks by name; a module that is named like a word of Python's ends in an underscore."""

NAMES = {
    "start": "benchmarks.start",
    "page": "benchmarks.page",
    "judge": "benchmarks.judge",
    "assignment": "benchmarks.assignment",
    "agreement": "benchmarks.agreement",
    "agreement-now": "benchmarks.kept_up",
    "import": "benchmarks.import_",
    "export": "benchmarks.export",
    "annotators": "benchmarks.annotators",
    "audits": "benchmarks.audits",
    "reward": "benchmarks.reward",
    "acquisition": "benchmarks.acquisition",
    "leaderboard": "benchmarks.leaderboard",
    "deep": "benchmarks.deep",
    "loop": "benchmarks.loop",
}
