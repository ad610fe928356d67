// engine/model/README.md, "Anomalies": what each type does to the readings and for how long, reading by
// reading against a twin fleet without anomalies, and that ground truth says the same; then what is drawn at
// onset (channel, direction, factor) and the noise, as distributions.
#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "statistics/book.h"
#include "statistics/estimates.h"
#include "statistics/runs.h"
#include "statistics/spec.h"
#include "statistics/twins.h"

namespace fleet_sim::anomaly_effects_test {

using namespace fleet_sim::statistics;

namespace {

Book book("anomaly_effects_test");

constexpr std::size_t no_channel = channel_count;

std::size_t channel_of(const batch::AnomalyEvent& event) {
  return event.channel ? static_cast<std::size_t>(*event.channel) : no_channel;
}

bool close_to(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::abs(b);
}
bool close_to(const batch::Values& a, const batch::Values& b) {
  return close_to(a[0], b[0]) && close_to(a[1], b[1]) && close_to(a[2], b[2]);
}

// What a run promises beside the tables of spec.h.
struct Terms {
  Durations durations;
  double pattern_seconds = pattern_period_seconds;
};

// The reading that an anomaly makes of a clean one: everything but noise is certain once the onset is known.
batch::Values affected(const Pair& pair, const Kind& kind, const Terms& terms) {
  batch::Values values = pair.clean;
  const batch::AnomalyEvent& event = pair.episode->event;
  const auto elapsed = static_cast<double>(pair.due - event.started_at);
  switch (static_cast<std::size_t>(event.type)) {
    case spike: {
      double& value = values[channel_of(event)];
      value = event.direction > 0 ? value * event.magnitude.value() : value / event.magnitude.value();
      break;
    }
    case trend: {
      const double progress = elapsed / static_cast<double>(terms.durations[trend]);
      values[channel_of(event)] *= 1 + event.direction * trend_change * severity(kind) * progress;
      break;
    }
    case pattern: {
      const double wave = std::sin(2 * std::numbers::pi * elapsed / (terms.pattern_seconds * 1e6));
      values[temperature] *= 1 + pattern_amplitude * severity(kind) * wave;
      values[vibration] *= 1 - pattern_amplitude * severity(kind) * wave;
      break;
    }
    default:
      break;
  }
  return values;
}

// Whether ground truth names what the type has: a channel and a direction, and its promised size.
bool well_described(const batch::AnomalyEvent& event, const Kind& kind) {
  const bool directed = event.channel.has_value() && (event.direction == 1 || event.direction == -1);
  const bool undirected = !event.channel.has_value() && event.direction == 0;
  const double size = event.magnitude.value_or(0);
  switch (static_cast<std::size_t>(event.type)) {
    case spike:
      return directed && size >= spike_low(kind) && size < spike_high(kind);
    case trend:
      return directed && close_to(size, trend_change * severity(kind));
    case pattern:
      return undirected && close_to(size, pattern_amplitude * severity(kind));
    case noise:
      return undirected && close_to(size, noise_factor(kind, temperature));
    default:
      return undirected && !event.magnitude;
  }
}

// What was drawn at the onsets of one sensor's spikes or trends.
struct Choices {
  double n = 0;
  PerChannel<double> channel{};
  PerChannel<double> up_by_channel{};
  double up = 0;
  double pairs = 0;  // of successive ones
  double same_direction = 0;
  double same_channel = 0;

  void add(const batch::AnomalyEvent& event, const std::optional<batch::AnomalyEvent>& last) {
    const std::size_t c = channel_of(event);
    n += 1;
    channel[c] += 1;
    up += event.direction > 0 ? 1 : 0;
    up_by_channel[c] += event.direction > 0 ? 1 : 0;
    if (!last) return;
    pairs += 1;
    same_direction += event.direction == last->direction ? 1 : 0;
    same_channel += event.channel == last->channel ? 1 : 0;
  }
  void add(const Choices& other) {
    n += other.n;
    up += other.up;
    pairs += other.pairs;
    same_direction += other.same_direction;
    same_channel += other.same_channel;
    for (std::size_t c = 0; c < channel_count; ++c) {
      channel[c] += other.channel[c];
      up_by_channel[c] += other.up_by_channel[c];
    }
  }
};

// The noise of one sensor, in promised standard deviations.
struct NoiseSeen {
  PerChannel<Moments> z;
  PerChannel<NormalShape> shape;
  PerChannel<Moments> between;     // products of two channels
  PerChannel<Moments> successive;  // products of one reading and the next
  PerChannel<Moments> with_clean;  // products with the normal reading's own draw

  void add(const NoiseSeen& other) {
    for (std::size_t c = 0; c < channel_count; ++c) {
      z[c].add(other.z[c]);
      shape[c].add(other.shape[c]);
      between[c].add(other.between[c]);
      successive[c].add(other.successive[c]);
      with_clean[c].add(other.with_clean[c]);
    }
  }
};

// Everything about one sensor.
struct Notes {
  std::uint64_t untouched = 0;
  std::uint64_t untouched_wrong = 0;
  PerAnomalyType<std::uint64_t> readings{};
  PerAnomalyType<std::uint64_t> readings_wrong{};
  PerAnomalyType<std::uint64_t> episodes{};
  PerAnomalyType<std::uint64_t> episodes_wrong{};

  PerAnomalyType<Choices> choices;
  PerAnomalyType<std::optional<batch::AnomalyEvent>> last;
  std::vector<double> factors;                          // of spikes, scaled to 0 .. 1 over the promised range
  PerChannel<std::array<Moments, 2>> factor_by_choice;  // the same, per channel, down and up
  PerChannel<Moments> factor_with_clean;                // products of their standardized deviations
  PerChannel<Moments> clean_at_onset;                   // the normal reading's own draw
  NoiseSeen noise_seen;
  std::optional<batch::Values> last_noise;
  Timestamp last_noise_due = 0;
};

class Observer {
 public:
  using KindOf = std::function<Kind(std::size_t)>;
  Observer(std::size_t sensors, KindOf kind, Terms terms)
      : kind_(std::move(kind)), terms_(terms), notes_(sensors) {}

  void reading(const Pair& pair) {
    Notes& notes = notes_[pair.sensor];
    if (!pair.episode) {
      ++notes.untouched;
      const bool same = pair.actual && !pair.actual->anomaly && pair.actual->values == pair.clean;
      notes.untouched_wrong += same ? 0 : 1;
      return;
    }
    const Kind kind = kind_(pair.sensor);
    const batch::AnomalyEvent& event = pair.episode->event;
    const auto type = static_cast<std::size_t>(event.type);
    ++notes.readings[type];
    if (!as_promised(pair, kind)) ++notes.readings_wrong[type];
    if (pair.episode->readings == 1) begin(notes, pair, kind);
    if (event.type == AnomalyType::noise && pair.actual) add_noise(notes, pair, kind);
  }

  void ended(std::uint32_t sensor, const Episode& episode) {
    Notes& notes = notes_[sensor];
    const auto type = static_cast<std::size_t>(episode.event.type);
    ++notes.episodes[type];
    const bool right = episode.closed && episode.closed->started_at == episode.event.started_at &&
                       episode.closed->type == episode.event.type &&
                       episode.closed->ended_at == episode.event.started_at + terms_.durations[type] - 1 &&
                       episode.closed->readings_affected == episode.readings &&
                       well_described(episode.event, kind_(sensor));
    notes.episodes_wrong[type] += right ? 0 : 1;
  }

  void unmatched(std::uint32_t sensor) { ++notes_[sensor].untouched_wrong; }

  [[nodiscard]] const std::vector<Notes>& notes() const { return notes_; }

 private:
  [[nodiscard]] bool as_promised(const Pair& pair, const Kind& kind) const {
    if (pair.episode->event.type == AnomalyType::missing_data) return pair.actual == nullptr;
    if (!pair.actual || pair.actual->anomaly != pair.episode->event.type) return false;
    if (pair.episode->event.type != AnomalyType::noise)
      return close_to(pair.actual->values, affected(pair, kind, terms_));
    const batch::Values& noisy = pair.actual->values;
    return noisy[0] != pair.clean[0] && noisy[1] != pair.clean[1] && noisy[2] != pair.clean[2];
  }

  // The normal reading's own draw, where no limit is near.
  static double clean_draw(const Pair& pair, const Kind& kind, std::size_t c) {
    return (pair.clean[c] - center(kind, c, hour_of(pair.due))) / deviation(kind, c);
  }

  static void begin(Notes& notes, const Pair& pair, const Kind& kind) {
    const batch::AnomalyEvent& event = pair.episode->event;
    const auto type = static_cast<std::size_t>(event.type);
    if (type != spike && type != trend) return;
    notes.choices[type].add(event, notes.last[type]);
    notes.last[type] = event;
    if (type != spike) return;
    const double place = (*event.magnitude - spike_low(kind)) / (spike_high(kind) - spike_low(kind));
    notes.factors.push_back(place);
    notes.factor_by_choice[channel_of(event)][event.direction > 0 ? 1 : 0].add(place);
    for (std::size_t c = 0; c < channel_count; ++c) {
      const double z = clean_draw(pair, kind, c);
      notes.clean_at_onset[c].add(z);
      notes.factor_with_clean[c].add((place - 0.5) * std::sqrt(12.0) * z);
    }
  }

  static void add_noise(Notes& notes, const Pair& pair, const Kind& kind) {
    batch::Values z(channel_count);
    for (std::size_t c = 0; c < channel_count; ++c) {
      z[c] = (pair.actual->values[c] - pair.clean[c]) / (noise_factor(kind, c) * std::abs(pair.clean[c]));
    }
    NoiseSeen& seen = notes.noise_seen;
    for (std::size_t c = 0; c < channel_count; ++c) {
      seen.z[c].add(z[c]);
      seen.shape[c].add(z[c]);
      seen.between[c].add(z[c] * z[(c + 1) % channel_count]);
      seen.with_clean[c].add(z[c] * clean_draw(pair, kind, c));
      const bool follows = notes.last_noise && notes.last_noise_due >= pair.episode->event.started_at;
      if (follows) seen.successive[c].add(z[c] * (*notes.last_noise)[c]);
    }
    notes.last_noise = z;
    notes.last_noise_due = pair.due;
  }

  KindOf kind_;
  Terms terms_;
  std::vector<Notes> notes_;
};

// Counts of readings and anomalies, and of those that are not as promised.
struct Exact {
  std::uint64_t untouched = 0;
  std::uint64_t untouched_wrong = 0;
  PerAnomalyType<std::uint64_t> readings{};
  PerAnomalyType<std::uint64_t> readings_wrong{};
  PerAnomalyType<std::uint64_t> episodes{};
  PerAnomalyType<std::uint64_t> episodes_wrong{};

  void add(const std::vector<Notes>& sensors) {
    for (const Notes& notes : sensors) {
      untouched += notes.untouched;
      untouched_wrong += notes.untouched_wrong;
      for (std::size_t k = 0; k < usual_types; ++k) {
        readings[k] += notes.readings[k];
        readings_wrong[k] += notes.readings_wrong[k];
        episodes[k] += notes.episodes[k];
        episodes_wrong[k] += notes.episodes_wrong[k];
      }
    }
  }

  void check(const std::string& run) const {
    check_all(run + ": readings outside anomalies, bit by bit", untouched, untouched_wrong);
    for (std::size_t k = 0; k < usual_types; ++k) {
      const std::string name(anomaly_type_names[k]);
      check_all(run + ": readings of " + name, readings[k], readings_wrong[k]);
      check_all(run + ": durations and events of " + name, episodes[k], episodes_wrong[k]);
    }
  }
};

void check_exactly(const std::string& run, const std::vector<Notes>& sensors) {
  Exact exact;
  exact.add(sensors);
  exact.check(run);
}

// Anomalies half the time and many of them, a reading every 50 s. Run once for the tests below.
const std::vector<Notes>& restless() {
  static const std::vector<Notes> notes = [] {
    const identity::Roster roster = roster_of_kinds(56 * scale());
    config::Config config = config_with_period(50);
    config.anomalies.probability = 0.5;
    Observer observer(roster.size(), kind_of, {promised_durations(50), pattern_seconds(50)});
    book.look_at(run_twins({roster, config, 301, 10 * one_hour}, promised_durations(50), observer));
    return observer.notes();
  }();
  return notes;
}

using Filter = std::function<bool(const Kind&)>;

template <class Part>
auto sum_over(const Filter& wanted, const Part& part) {
  auto sum = part(Notes{});
  for (std::size_t i = 0; i < restless().size(); ++i) {
    if (wanted(kind_of(i))) sum.add(part(restless()[i]));
  }
  return sum;
}

Choices choices_of(std::size_t type, const Filter& wanted) {
  return sum_over(wanted, [type](const Notes& notes) { return notes.choices[type]; });
}

const Filter everyone = [](const Kind&) { return true; };

}  // namespace

TEST_CASE("every reading and every anomaly is as promised, at several rates") {
  Exact exact;
  for (const double period : {1.0, 10.0 / 3, 10.0, 50.0}) {
    CAPTURE(period);
    const identity::Roster roster = roster_of_kinds(period == 1 ? 4 * scale() : 8 * scale());
    const Durations durations = promised_durations(period);
    Observer observer(roster.size(), kind_of, {durations, pattern_seconds(period)});
    book.look_at(run_twins({roster, config_with_period(period), 303, 3 * one_hour}, durations, observer));
    exact.add(observer.notes());
  }
  exact.check("defaults, four rates");
}

TEST_CASE("durations and the pattern's period are settings") {
  config::Config config = config_with_period(10);
  config.anomalies.probability = 0.3;
  config.anomalies.pattern_period_seconds = 90;
  const PerAnomalyType<double> seconds{45, 120, 250, 75, 60};
  Terms terms{{}, 90};
  for (std::size_t k = 0; k < usual_types; ++k) {
    config.anomalies.types[k].duration_seconds = seconds[k];
    terms.durations[k] = static_cast<Microseconds>(seconds[k] * 1e6);
  }
  const identity::Roster roster = roster_of_kinds(2 * scale());
  Observer observer(roster.size(), kind_of, terms);
  book.look_at(run_twins({roster, config, 305, 3 * one_hour}, terms.durations, observer));
  check_exactly("own durations", observer.notes());
}

TEST_CASE("anomalous half the time: every reading and every anomaly is as promised") {
  check_exactly("anomalous half the time", restless());
}

TEST_CASE(
    "spikes and trends pick temperature in 60% on firmware 1.3, and each channel in a third elsewhere") {
  for (const std::size_t type : {spike, trend}) {
    Line line(book, std::string(anomaly_type_names[type]) + ": choice of channel, per firmware");
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      const Choices chosen = choices_of(type, [f](const Kind& kind) { return kind.firmware == f; });
      for (std::size_t c = 0; c < channel_count; ++c) {
        const double p = firmwares[f].channels[c];
        line.compare(share_of(chosen.channel[c], chosen.n, p), p, {0.85 * p, 1.15 * p});
      }
    }
  }
}

TEST_CASE("half go up and half go down, on every channel and from every manufacturer") {
  for (const std::size_t type : {spike, trend}) {
    const std::string name(anomaly_type_names[type]);
    Line all(book, name + ": share that goes up");
    const Choices everywhere = choices_of(type, everyone);
    all.compare(share_of(everywhere.up, everywhere.n, 0.5), 0.5, {0.48, 0.52});
    Line line(book, name + ": share that goes up, per channel, firmware, manufacturer");
    for (std::size_t c = 0; c < channel_count; ++c) {
      line.compare(share_of(everywhere.up_by_channel[c], everywhere.channel[c], 0.5), 0.5, {0.45, 0.55});
    }
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      const Choices chosen = choices_of(type, [f](const Kind& kind) { return kind.firmware == f; });
      line.compare(share_of(chosen.up, chosen.n, 0.5), 0.5, {0.45, 0.55});
    }
    for (std::size_t m = 0; m < manufacturers.size(); ++m) {
      const Choices chosen = choices_of(type, [m](const Kind& kind) { return kind.manufacturer == m; });
      line.compare(share_of(chosen.up, chosen.n, 0.5), 0.5, {0.45, 0.55});
    }
  }
}

TEST_CASE("each onset draws anew: nothing is remembered from the sensor's last one") {
  Line directions(book, "same direction as the last one, spike and trend");
  Line channels(book, "same channel as the last one, per firmware, spikes");
  for (const std::size_t type : {spike, trend}) {
    const Choices chosen = choices_of(type, everyone);
    directions.compare(share_of(chosen.same_direction, chosen.pairs, 0.5), 0.5, {0.45, 0.55});
  }
  for (std::size_t f = 0; f < firmwares.size(); ++f) {
    const Choices chosen = choices_of(spike, [f](const Kind& kind) { return kind.firmware == f; });
    double p = 0;
    for (const double share : firmwares[f].channels) p += share * share;
    channels.compare(share_of(chosen.same_channel, chosen.pairs, p), p, {0.9 * p, 1.1 * p});
  }
}

TEST_CASE("the spike factor is uniform over its range, which firmware sets and severity stretches") {
  Line means(book, "spike factor: mean, per firmware and manufacturer");
  Line uniform(book, "spike factor: distance from uniform, per firmware and manufacturer");
  for (std::size_t f = 0; f < firmwares.size(); ++f) {
    for (std::size_t m = 0; m < manufacturers.size(); ++m) {
      const Kind group{f, m, 0, 0};
      std::vector<double> places;
      double sum = 0;
      for (std::size_t i = 0; i < restless().size(); ++i) {
        if (kind_of(i).firmware != f || kind_of(i).manufacturer != m) continue;
        for (const double place : restless()[i].factors) {
          places.push_back(place);
          sum += place;
        }
      }
      const auto n = static_cast<double>(places.size());
      const double width = spike_high(group) - spike_low(group);
      const double middle = (spike_high(group) + spike_low(group)) / 2;
      // A range that ends a tenth too early or too late has its middle off by a twentieth of a width.
      means.compare({spike_low(group) + width * sum / n, width / std::sqrt(12 * n)}, middle,
                    {middle - 0.05 * width, middle + 0.05 * width});
      CHECK(0.1 * std::sqrt(n) > 2 * distance_allowed());
      uniform.compare_uniform(std::move(places));
    }
  }
}

TEST_CASE("the spike factor knows nothing of the channel and the direction it goes with") {
  Line line(book, "spike factor: mean place in its range, per channel and direction");
  for (std::size_t c = 0; c < channel_count; ++c) {
    for (const std::size_t up : {0, 1}) {
      const Moments places =
          sum_over(everyone, [&](const Notes& notes) { return notes.factor_by_choice[c][up]; });
      line.compare({places.mean(), 1 / std::sqrt(12 * places.n)}, 0.5, {0.48, 0.52});
    }
  }
}

TEST_CASE("an onset and its factor know nothing of the normal reading they fall on") {
  Line onsets(book, "normal reading under a spike: mean, in std_dev, per channel");
  Line factors(book, "spike factor and normal reading: correlation, per channel");
  for (std::size_t c = 0; c < channel_count; ++c) {
    // Firmware 1.3 and warehouses have readings at the limits, whose draw does not show.
    const Filter unclamped = [](const Kind& kind) { return kind.firmware != 0 && kind.place != 1; };
    onsets.compare(
        mean_of_normals(sum_over(unclamped, [c](const Notes& notes) { return notes.clean_at_onset[c]; })), 0,
        {-0.05, 0.05});
    factors.compare(
        mean_of_normals(sum_over(unclamped, [c](const Notes& notes) { return notes.factor_with_clean[c]; })),
        0, {-0.05, 0.05});
  }
}

TEST_CASE("noise is normal, of the promised size for every firmware, manufacturer and channel") {
  Line sizes(book, "noise: spread as a share of promised, per firmware, manufacturer");
  Line means(book, "noise: mean as a share of promised spread, the same groups");
  Line shapes(book, "noise: shape in quarters of a standard deviation, per channel");
  for (std::size_t c = 0; c < channel_count; ++c) {
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      for (std::size_t m = 0; m < manufacturers.size(); ++m) {
        const Moments z =
            sum_over([&](const Kind& kind) { return kind.firmware == f && kind.manufacturer == m; },
                     [c](const Notes& notes) { return notes.noise_seen.z[c]; });
        sizes.compare(spread_of_normals(z), 1, {0.9, 1.1});
        means.compare(mean_of_normals(z), 0, {-0.1, 0.1});
      }
    }
    shapes.compare_standard(
        sum_over(everyone, [c](const Notes& notes) { return notes.noise_seen.shape[c]; }).away_from_normal());
  }
}

TEST_CASE("noise is drawn for every reading and channel by itself") {
  Line between(book, "noise: correlation between channels");
  Line successive(book, "noise: correlation between successive readings");
  Line with_clean(book, "noise: correlation with the normal reading");
  const NoiseSeen seen = sum_over([](const Kind& kind) { return kind.firmware != 0 && kind.place != 1; },
                                  [](const Notes& notes) { return notes.noise_seen; });
  for (std::size_t c = 0; c < channel_count; ++c) {
    between.compare(mean_of_normals(seen.between[c]), 0, {-0.1, 0.1});
    successive.compare(mean_of_normals(seen.successive[c]), 0, {-0.1, 0.1});
    with_clean.compare(mean_of_normals(seen.with_clean[c]), 0, {-0.1, 0.1});
  }
}

// At the highest rate all sensors are due at the same microsecond: only their ids and the seed tell them
// apart.
TEST_CASE("sensors that are due at once choose and shake independently, and under another seed anew") {
  const identity::Roster roster = roster_of_one_kind(plain_kind, 20'000 * scale());
  config::Config config = config_with_period(1e-6);
  config.anomalies.probability = 0.9;
  for (const std::size_t k : {trend, pattern, missing_data}) config.anomalies.types[k].enabled = false;
  const auto notes_of = [&](std::uint64_t seed) {
    const Durations durations = promised_durations(1e-6);
    Observer observer(roster.size(), [](std::size_t) { return plain_kind; }, {durations});
    book.look_at(run_twins({roster, config, seed, 1}, durations, observer));
    return observer.notes();
  };
  const std::vector<Notes> one = notes_of(307);
  const std::vector<Notes> other = notes_of(308);

  Choices spikes;
  Moments noise_of_one;
  double both_spike = 0;
  double same_direction = 0;
  Moments products;
  for (std::size_t i = 0; i < one.size(); ++i) {
    spikes.add(one[i].choices[spike]);
    noise_of_one.add(one[i].noise_seen.z[temperature]);
    if (one[i].last[spike] && other[i].last[spike]) {
      both_spike += 1;
      same_direction += one[i].last[spike]->direction == other[i].last[spike]->direction ? 1 : 0;
    }
    if (one[i].last_noise && other[i].last_noise)
      products.add((*one[i].last_noise)[temperature] * (*other[i].last_noise)[temperature]);
  }
  Line directions(book, "all due at once: share of spikes that go up");
  directions.compare(share_of(spikes.up, spikes.n, 0.5), 0.5, {0, 0.4, 0.6, 1});
  Line sizes(book, "all due at once: spread of the noise, of promised");
  sizes.compare(spread_of_normals(noise_of_one), 1, {0, 0.8, 1.2});
  Line means(book, "all due at once: mean of the noise, as a share of its spread");
  means.compare(mean_of_normals(noise_of_one), 0, {-0.2, 0.2});
  Line agreement(book, "all due at once: same direction under both seeds");
  agreement.compare(share_of(same_direction, both_spike, 0.5), 0.5, {0, 0.4, 0.6, 1});
  Line likeness(book, "all due at once: correlation of the noise under both seeds");
  likeness.compare(mean_of_normals(products), 0, {-1, 1});
}

TEST_CASE("what the anomalies were compared with, in all") {
  book.close();
}

}  // namespace fleet_sim::anomaly_effects_test
