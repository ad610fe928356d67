#include "run/injection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::run {
namespace {

std::string time_text(Microseconds time) {
  return duration_text(static_cast<double>(time) / static_cast<double>(microseconds_per_second));
}

std::string unfit_channel(const status::AskedAnomaly& asked, const model::Profile& profile) {
  const std::string_view type = name_of(asked.type);
  if (!model::is_graded(profile, asked.type)) {
    return fmt::format(
        "its {} anomalies affect several channels; leave out the channel, or set anomalies.severity to "
        "graded",
        type);
  }
  return fmt::format("its channel {} is no {}, which {} anomalies need", in_quotes(*asked.channel),
                     model::affected_channel(asked.type), type);
}

}  // namespace

std::optional<model::AnomalyRequest> request_of(const status::AskedAnomaly& asked,
                                                const types::Schema& schema) {
  model::AnomalyRequest request{.type = asked.type,
                                .severity = asked.severity,
                                .duration = asked.duration,
                                .cause = AnomalyCause::injected};
  if (!asked.channel) return request;
  const auto channel = schema.find_channel(*asked.channel);
  if (!channel) return std::nullopt;
  request.channel = static_cast<Channel>(*channel);
  return request;
}

std::string no_such_channel(const status::AskedAnomaly& asked, const types::Schema& schema) {
  const std::vector<std::string_view> names = schema.channel_names();
  return fmt::format("its type {} has no channel {}{}; it has {}", in_quotes(schema.type()),
                     in_quotes(*asked.channel), did_you_mean(*asked.channel, names), fmt::join(names, ", "));
}

std::string objection_to(const status::AskedAnomaly& asked, const model::AnomalyRequest& request,
                         const model::Profile& profile, const Cadence& cadence) {
  if (request.severity && !model::is_graded(profile, request.type)) {
    return fmt::format("its {} anomalies have no severity; leave it out, or set anomalies.severity to graded",
                       name_of(request.type));
  }
  if (!model::can_happen(profile, request)) {
    return request.channel ? unfit_channel(asked, profile)
                           : fmt::format("it has no {}, which {} anomalies need",
                                         model::affected_channel(request.type), name_of(request.type));
  }
  if (request.duration && *request.duration < cadence.period()) {
    return fmt::format("{} is shorter than the time between its readings, {}", time_text(*request.duration),
                       time_text(cadence.period()));
  }
  return {};
}

bool awaits_spread(const model::Profile& profile, AnomalyType type, Spreads& spreads) {
  if (!model::counts_in_spread(profile, type) || profile.spread->is_computed()) return false;
  if (std::ranges::find(spreads, profile.spread) == spreads.end()) spreads.push_back(profile.spread);
  return true;
}

Timestamp due_from(Timestamp not_before, Timestamp next_due, Timestamp first_due, const Cadence& cadence) {
  return std::max(next_due, first_due + cadence.offset(cadence.count_before(not_before - first_due)));
}

std::vector<status::PossibleAnomaly> possible_anomalies(const model::Profile& profile,
                                                        const types::Schema& schema) {
  std::vector<status::PossibleAnomaly> all;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    status::PossibleAnomaly possible{.type = static_cast<AnomalyType>(k)};
    if (!model::can_happen(profile, {.type = possible.type})) continue;
    for (std::size_t c = 0; c < schema.channels().size() && !takes_rows(possible.type); ++c) {
      if (model::can_affect(profile, possible.type, static_cast<Channel>(c)))
        possible.channels.push_back(schema.channels()[c].name);
    }
    if (const auto& severity = anomaly_types[k].severity; severity && is_graded(profile, possible.type)) {
      possible.severity = severity->bounds;
      possible.usual = profile.severity[k];
    }
    all.push_back(std::move(possible));
  }
  return all;
}

}  // namespace fleet_sim::run
