"""Compares Truyvet with other databases on the same nation and the same questions.

    nation      areas, sites, people, scans; and the same with numbers for codes, for the peers
    questions   what is asked, drawn from the scans by a seed
    peers/      one file a system: its tables, its statements, its tuning
    measure     the clock around a peer's answers
    answers     rows as lines, lines as a digest: what must be equal
    stream      batches for the durable ingest
    system      one system from load to ingest, in a process of its own
    report      table, Markdown, JSON;  plots: pictures
"""
