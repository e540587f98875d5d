"""One job on a worker: an attempt at a task, a merge, a question. Phases, sandbox, gates and evidence.

It knows neither the database nor the queue, and gives no verdict: it leaves a result and files. Nothing that a model
or a product says is believed here, and no command of theirs runs outside of the sandbox unless a person said so.

Something belongs here if it happens between the start of a job and its result.
"""
