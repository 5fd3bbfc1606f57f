"""Samples of many seeds in a folder, in shards of 1,000: what is written, and how it is read again.

    job.json          what makes the samples: model and its hash, versions, format, batch, condition
    plan.npz          seeds, in their order, and what each is asked for
    shards/00000.npz  the first 1,000 (or .tfrecord, or a folder 00000/ of pictures, SEED.png)
    shards/00000.json what it is made of and the SHA-256 of its bytes; written after it
    manifest.json     the job and all its shards; written last: where it is, all of them are

Whoever makes a shard needs the folder alone: nothing of a shard depends on another.
"""
