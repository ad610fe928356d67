"""A pump and an electricity meter as a config declares them: all kinds of channels and sources."""

PUMP = """\
types:
  pump:
    sources:
      run:     {kind: load, duty: 0.6, burst: 1.3, schedule: "Mon-Sat 06:00-22:00"}
      warm:    {kind: lag, of: run, tau: 2.5h}
      level:   {kind: noise, from: 30m, to: 8h, roughness: 0.3}
      ambient: {kind: noise, scope: site, from: 12h, to: 16d, roughness: 0.5}
      day:     {kind: cycle, period: 24h, peak: "15:00"}
    channels:
      suction:   {unit: bar, base: 2, white: 0.01, resolution: 0.01, terms: {run: -0.4, level: 0.05}}
      discharge: {unit: bar, base: 2.1, white: 0.02, terms: {run: 4, level: 0.05}}
      flow:      {unit: m3/h, base: 0, white: 0.3, range: [0, 80], terms: {run: 48, level: 2}}
      bearing:   {unit: "°C", base: 30, white: 0.05, rails: [-20, 150], terms: {warm: 18, ambient: 2, day: 0.8}}
      vibration: {unit: mm/s, scale: log, base: 0.3, white: 0.02, terms: {run: 8.2}}
      volume:    {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      mode:      {kind: state, of: run, at: [0.5], names: [stopped, running]}
"""
METER = """\
types:
  meter:
    sources:
      busy:    {kind: load, scope: location, duty: 0.4}
    channels:
      voltage: {unit: V, base: 230, white: 1}
      current: {unit: A, base: 2, white: 0.1, range: [0, 40], terms: {busy: 12}}
      power:   {unit: W, kind: product, of: [voltage, current], resolution: 1}
      energy:  {unit: Wh, kind: counter, base: 460, per: 1h, resolution: 1, since: 2026-01-01, wrap: 1e6, rate: {busy: 2760}}
"""
