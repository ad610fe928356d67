// engine/model/README.md, "What probability means": how many readings are anomalous, of which types, and how
// often anomalies begin, for every firmware, manufacturer and model. Readings are a minute apart, so that a
// day has many anomalies; the share at the default of one reading a second has a test of its own.
#include <doctest/doctest.h>

#include <functional>
#include <numeric>
#include <vector>

#include "statistics/book.h"
#include "statistics/estimates.h"
#include "statistics/runs.h"
#include "statistics/spec.h"

namespace fleet_sim::anomaly_share_test {

using namespace fleet_sim::statistics;

namespace {

Book book("anomaly_share_test");

// What one sensor did.
struct Course {
  double normal = 0;
  PerAnomalyType<double> affected{};  // readings
  PerAnomalyType<double> begun{};     // anomalies, the steady start's apart

  [[nodiscard]] double anomalous() const { return std::accumulate(affected.begin(), affected.end(), 0.0); }
  [[nodiscard]] double due() const { return normal + anomalous(); }
};

using Courses = std::vector<Course>;

// Missing readings have no rows: they are what is due and not there.
Courses courses_of(const Run& run, double due_per_sensor) {
  Courses courses(run.roster.size());
  const std::uint64_t due = run_fleet(run, [&](const batch::Batch& batch) {
    for (const batch::Reading& reading : batch.readings) {
      Course& course = courses[reading.sensor];
      if (reading.anomaly) {
        course.affected[static_cast<std::size_t>(*reading.anomaly)] += 1;
      } else {
        course.normal += 1;
      }
    }
    for (const batch::AnomalyEvent& event : batch.events) {
      const bool begins =
          event.kind == batch::AnomalyEvent::Kind::opened || event.kind == batch::AnomalyEvent::Kind::whole;
      if (begins && event.started_at >= run_start)
        courses[event.sensor].begun[static_cast<std::size_t>(event.type)] += 1;
    }
  });
  REQUIRE(static_cast<double>(due) == due_per_sensor * static_cast<double>(courses.size()));
  for (Course& course : courses) course.affected[missing_data] = due_per_sensor - course.due();
  book.look_at(due);
  return courses;
}

// A day of all kinds, a reading a minute.
const Courses& day() {
  static const identity::Roster roster = roster_of_kinds(180 * scale());
  static const Courses courses = courses_of({roster, config_with_period(60), 201, one_day}, 1'440);
  return courses;
}

using Filter = std::function<bool(const Kind&)>;
using Number = std::function<double(const Kind&, const Course&)>;

Estimate share_over(const Courses& courses, const Filter& wanted, const Number& part, const Number& whole) {
  ShareOverSensors share;
  for (std::size_t i = 0; i < courses.size(); ++i) {
    const Kind kind = kind_of(i);
    if (wanted(kind)) share.add(part(kind, courses[i]), whole(kind, courses[i]));
  }
  return share.estimate();
}

double anomalous(const Kind&, const Course& course) {
  return course.anomalous();
}
double due(const Kind&, const Course& course) {
  return course.due();
}
double promised_anomalous(const Kind& kind, const Course& course) {
  return course.due() * share_of_anomalies(kind);
}

// Anomalies begun per normal reading. Each reading of an unaffected sensor is a trial of its own: it begins
// this type, or another, or stays normal. So Σ (begun - rate · normal) has the variance of as many
// independent trials.
struct Begun {
  double begun = 0;
  double normal = 0;
  double expected = 0;  // Σ rate · normal
  double variance = 0;

  void add(const Course& course, std::size_t type, const PerAnomalyType<double>& rates) {
    const double per_normal = std::accumulate(rates.begin(), rates.end(), 0.0);
    const double trials = course.normal + std::accumulate(course.begun.begin(), course.begun.end(), 0.0);
    begun += course.begun[type];
    normal += course.normal;
    expected += rates[type] * course.normal;
    variance += trials * rates[type] * (1 + rates[type]) / (1 + per_normal);
  }
  // As a multiple of what is promised.
  [[nodiscard]] Estimate estimate() const {
    if (expected < least_expected)
      throw std::logic_error("too few anomalies to take their number for normal");
    return {begun / expected, std::sqrt(variance) / expected};
  }
};

}  // namespace

TEST_CASE("the share of anomalous readings, for every firmware and manufacturer") {
  Line line(book, "share anomalous, per firmware and manufacturer");
  for (std::size_t f = 0; f < firmwares.size(); ++f) {
    for (std::size_t m = 0; m < manufacturers.size(); ++m) {
      const double promised = share_of_anomalies({f, m, 0, 0});
      line.compare(share_over(
                       day(), [&](const Kind& kind) { return kind.firmware == f && kind.manufacturer == m; },
                       anomalous, due),
                   promised, {0.9 * promised, 1.1 * promised});
    }
  }
}

TEST_CASE("7.5% of the readings on firmware 1.3 and 3.5% on 1.4 are anomalous") {
  const auto share = [](std::size_t firmware) {
    return share_over(
        day(),
        [&](const Kind& kind) {
          return kind.firmware == firmware && kind.manufacturer_spec().probability == 1;
        },
        anomalous, due);
  };
  Line old(book, "share anomalous on firmware 1.3");
  old.compare(share(0), 0.075, {0.07, 0.08, 0.05, 0.035});
  Line improved(book, "share anomalous on firmware 1.4");
  improved.compare(share(1), 0.035, {0.0325, 0.0375, 0.05, 0.075});
  Line other(book, "share anomalous on other firmware");
  other.compare(share(2), 0.05, {0.0465, 0.0535, 0.075, 0.035});
}

TEST_CASE("model and location do not change the share") {
  Line line(book, "share anomalous per model and location, of promised");
  for (std::size_t i = 0; i < models.size(); ++i) {
    line.compare(share_over(
                     day(), [&](const Kind& kind) { return kind.model == i; }, anomalous, promised_anomalous),
                 1, {0.95, 1.05});
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    line.compare(share_over(
                     day(), [&](const Kind& kind) { return kind.place == i; }, anomalous, promised_anomalous),
                 1, {0.95, 1.05});
  }
}

TEST_CASE("the mix of types, for every firmware and model") {
  for (std::size_t k = 0; k < usual_types; ++k) {
    Line line(book, "share of " + std::string(anomaly_type_names[k]) + " among them, per firmware and model");
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      for (std::size_t m = 0; m < models.size(); ++m) {
        const double promised = mix({f, 0, m, 0})[k];
        line.compare(share_over(
                         day(), [&](const Kind& kind) { return kind.firmware == f && kind.model == m; },
                         [k](const Kind&, const Course& course) { return course.affected[k]; }, anomalous),
                     promised, {0.7 * promised, 1.4 * promised});
      }
    }
  }
}

// Of a reading every ten minutes, no duration covers two: each is a trial of its own, and shares are sharp.
TEST_CASE("the mix of types where every anomaly is a single reading") {
  const identity::Roster roster = roster_of_kinds(75 * scale());
  const Courses courses = courses_of({roster, config_with_period(600), 202, 7 * one_day}, 7 * 144);
  const auto compare = [&](Line& line, std::size_t k, const Filter& wanted, double p,
                           std::initializer_list<double> wrong) {
    double anomalies = 0;
    double of_type = 0;
    for (std::size_t i = 0; i < courses.size(); ++i) {
      if (!wanted(kind_of(i))) continue;
      anomalies += courses[i].anomalous();
      of_type += courses[i].affected[k];
    }
    line.compare(share_of(of_type, anomalies, p), p, wrong);
  };

  Line groups(book, "single readings: share of each type, per firmware and model");
  for (std::size_t k = 0; k < usual_types; ++k) {
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      for (std::size_t m = 0; m < models.size(); ++m) {
        const double p = mix({f, 0, m, 0})[k];
        compare(groups, k, [&](const Kind& kind) { return kind.firmware == f && kind.model == m; }, p,
                {0.8 * p, 1.2 * p});
      }
    }
  }

  // What a model shows over all firmware, which counts by how often it is anomalous.
  const auto on_model = [](std::size_t m, std::size_t k) {
    double anomalies = 0;
    double of_type = 0;
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      anomalies += firmwares[f].probability;
      of_type += firmwares[f].probability * mix({f, 0, m, 0})[k];
    }
    return of_type / anomalies;
  };
  constexpr PerChannel<std::size_t> special{missing_data, pattern, spike};
  Line own(book, "single readings: share of its own type, per model");
  for (std::size_t m = 0; m < special.size(); ++m) {
    const double p = on_model(m, special[m]);
    compare(own, special[m], [m](const Kind& kind) { return kind.model == m; }, p,
            {on_model(3, special[m]), 0.92 * p, 1.08 * p});
  }
}

TEST_CASE("manufacturer and location do not change the mix") {
  Line line(book, "readings per type per manufacturer and location, of promised");
  const auto compare = [&](std::size_t k, const Filter& wanted) {
    line.compare(
        share_over(
            day(), wanted, [k](const Kind&, const Course& course) { return course.affected[k]; },
            [k](const Kind& kind, const Course& course) { return mix(kind)[k] * course.anomalous(); }),
        1, {0.8, 1.25});
  };
  for (std::size_t k = 0; k < usual_types; ++k) {
    for (std::size_t i = 0; i < manufacturers.size(); ++i) {
      compare(k, [i](const Kind& kind) { return kind.manufacturer == i; });
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      compare(k, [i](const Kind& kind) { return kind.place == i; });
    }
  }
}

TEST_CASE("an unaffected sensor starts type k with probability f·w/(n·(1-f)) per reading") {
  for (std::size_t k = 0; k < usual_types; ++k) {
    Line line(book,
              "onsets of " + std::string(anomaly_type_names[k]) + " per firmware and model, of promised");
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      for (std::size_t m = 0; m < models.size(); ++m) {
        Begun begun;
        for (std::size_t i = 0; i < day().size(); ++i) {
          const Kind kind = kind_of(i);
          if (kind.firmware != f || kind.model != m) continue;
          begun.add(day()[i], k, onsets_per_normal_reading(kind, probability, 60));
        }
        line.compare(begun.estimate(), 1, {0.6, 1.4});
      }
    }
  }
  Line all(book, "onsets per type, of promised");
  for (std::size_t k = 0; k < usual_types; ++k) {
    Begun begun;
    for (std::size_t i = 0; i < day().size(); ++i) {
      begun.add(day()[i], k, onsets_per_normal_reading(kind_of(i), probability, 60));
    }
    all.compare(begun.estimate(), 1, {0.9, 1.1});
  }
}

TEST_CASE("the share holds at one reading a second, where anomalies last for hundreds of readings") {
  const identity::Roster roster = roster_of_kinds(12 * scale());
  const Courses courses = courses_of({roster, config_with_period(1), 203, one_hour}, 3'600);
  const Filter all = [](const Kind&) { return true; };
  Line line(book, "share anomalous at one reading a second, of promised");
  line.compare(share_over(courses, all, anomalous, promised_anomalous), 1, {0.7, 1.3});
  Line mixes(book, "readings per type at one reading a second, of promised");
  for (const std::size_t k : {spike, missing_data}) {
    mixes.compare(share_over(
                      courses, all, [k](const Kind&, const Course& course) { return course.affected[k]; },
                      [k](const Kind& kind, const Course& course) {
                        return mix(kind)[k] * share_of_anomalies(kind) * course.due();
                      }),
                  1, {0.7, 1.3});
  }
}

// Of a reading every 70 s, 180 s cover two or three; those due before the end count: n is 3.
TEST_CASE("the mix holds where durations are no whole number of readings") {
  const identity::Roster roster = roster_of_kinds(12 * scale());
  const Courses courses =
      courses_of({roster, config_with_period(70), 204, 1'200 * 70 * microseconds_per_second}, 1'200);
  const Filter all = [](const Kind&) { return true; };
  Line line(book, "readings per type, one every 70 s, of promised");
  for (const std::size_t k : {spike, trend, missing_data, noise}) {
    line.compare(share_over(
                     courses, all, [k](const Kind&, const Course& course) { return course.affected[k]; },
                     [k](const Kind& kind, const Course& course) {
                       return mix(kind)[k] * share_of_anomalies(kind) * course.due();
                     }),
                 1, {0.8, 1.25});
  }
}

TEST_CASE("the share is capped at 0.95") {
  const identity::Roster roster = roster_of_one_kind({0, 2, 3, 3}, 400 * scale());
  config::Config config = config_with_period(60);
  config.anomalies.probability = 0.8;  // times 1.5 times 1.2
  ShareOverSensors share;
  for (const Course& course : courses_of({roster, config, 205, one_day}, 1'440)) {
    share.add(course.anomalous(), course.due());
  }
  Line line(book, "share anomalous where the multipliers ask for more than 0.95");
  line.compare(share.estimate(), 0.95, {0.94, 0.96});
}

TEST_CASE("basis event: f is the chance that an anomaly starts, and the weights choose its type") {
  const identity::Roster roster = roster_of_kinds(25 * scale());
  config::Config config = config_with_period(60);
  config.anomalies.basis = config::AnomalyBasis::event;
  const Courses courses = courses_of({roster, config, 207, one_day}, 1'440);
  Line starts(book, "basis event: chance that an anomaly starts, per firmware");
  Line types(book, "basis event: choice of type, per firmware, on other models");
  for (std::size_t f = 0; f < firmwares.size(); ++f) {
    double free = 0;
    double begun = 0;
    PerAnomalyType<double> chosen{};
    double choices = 0;
    for (std::size_t i = 0; i < courses.size(); ++i) {
      const Kind kind = kind_of(i);
      if (kind.firmware != f) continue;
      const Course& course = courses[i];
      const double started = std::accumulate(course.begun.begin(), course.begun.end(), 0.0);
      if (kind.manufacturer_spec().probability == 1) {
        free += course.normal + started;
        begun += started;
      }
      if (kind.model != 3) continue;
      for (std::size_t k = 0; k < usual_types; ++k) chosen[k] += course.begun[k];
      choices += started;
    }
    const double promised = probability * firmwares[f].probability;
    starts.compare(share_of(begun, free, promised), promised, {0.85 * promised, 1.15 * promised});
    for (std::size_t k = 0; k < usual_types; ++k) {
      const double w = mix({f, 3, 3, 3})[k];
      types.compare(share_of(chosen[k], choices, w), w, {0.7 * w, 1.4 * w});
    }
  }
}

TEST_CASE("a type that is switched off never shows, and the others keep their proportions") {
  const identity::Roster roster = roster_of_one_kind(plain_kind, 2'000 * scale());
  config::Config config = config_with_period(60);
  config.anomalies.types[trend].enabled = false;
  config.anomalies.types[missing_data].enabled = false;
  const Courses courses = courses_of({roster, config, 209, one_day}, 1'440);
  PerAnomalyType<ShareOverSensors> shares;
  double off = 0;
  for (const Course& course : courses) {
    off += course.affected[trend] + course.affected[missing_data];
    for (std::size_t k = 0; k < usual_types; ++k) shares[k].add(course.affected[k], course.due());
  }
  CHECK(off == 0);
  Line line(book, "two types off: share of readings, per type left");
  for (const std::size_t k : {spike, pattern, noise}) {
    const double promised = probability * weights[k] / 0.7;
    line.compare(shares[k].estimate(), promised, {0.7 * promised, 1.4 * promised});
  }
}

TEST_CASE("with anomalies off there are none") {
  const identity::Roster roster = roster_of_kinds(1);
  config::Config config = config_with_period(60);
  config.anomalies.enabled = false;
  for (const Course& course : courses_of({roster, config, 211, one_day}, 1'440)) {
    REQUIRE(course.anomalous() == 0);
    REQUIRE(std::accumulate(course.begun.begin(), course.begun.end(), 0.0) == 0);
  }
}

TEST_CASE("what the shares were compared with, in all") {
  book.close();
}

}  // namespace fleet_sim::anomaly_share_test
