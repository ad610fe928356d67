"""What Grafana's data source for PostgreSQL puts in place of its macros and of the dashboard's variable."""

import re


def expanded(sql, begin, end, locations):
    """A panel's query over a span of time, both of whose ends are SQL, and for these locations."""
    for macro, meaning in ((r"\$__timeGroupAlias\((\w+),\s*\$__interval\)", r'floor(extract(epoch from \1)/60)*60 AS "time"'),
                           (r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {begin} AND {end}"),
                           (r"\$__timeFrom\(\)", begin), (r"\$__timeTo\(\)", end), (r"\$__interval", "1m")):
        sql = re.sub(macro, meaning, sql)
    sql = sql.replace("$location", ",".join("'" + name.replace("'", "''") + "'" for name in locations))
    assert "$" not in sql, f"an unknown macro: {sql}"
    return sql
