#include "explain/graded.h"

#include <fmt/format.h>

#include <algorithm>

#include "explain/text_page.h"
#include "model/anomaly.h"

namespace fleet_sim::explain {
namespace {

// In the middle of its range, within the bounds that behaviors may have left.
double usual_severity(const model::Explanation& explanation, AnomalyType type) {
  const Range& range = explanation.profile.severity[index_of(type)];
  const Range& bounds = anomaly_types[index_of(type)].severity->bounds;
  const double middle = (range.min + range.max) / 2;
  return std::clamp(middle == 0 ? range.max : middle, bounds.min, bounds.max);
}

// As if it began in 1970: only its size is of interest, which no moment changes.
GradedChannel usual_anomaly(const model::Explanation& explanation, AnomalyType type, const GradedType& usual,
                            std::size_t c) {
  const model::AnomalyRequest request{.type = type,
                                      .channel = static_cast<Channel>(c),
                                      .severity = usual.severity,
                                      .duration = static_cast<Microseconds>(usual.seconds * 1e6)};
  const model::Anomaly anomaly = model::begin_anomaly(explanation.profile, request, 0, RandomBlock{});
  const types::SensorType& sensor_type = *explanation.type;
  GradedChannel channel{.channel = c,
                        .share = explanation.profile.channels[c].weight,
                        .unit = {},
                        .sigma = std::nullopt,
                        .magnitude = std::nullopt};
  if (anomaly.sigma) {
    channel.sigma = *anomaly.sigma;
    channel.unit = sensor_type.is_logarithmic(c) ? "ln" : sensor_type.schema.channels()[c].unit;
  }
  if (anomaly.magnitude) channel.magnitude = *anomaly.magnitude;
  return channel;
}

// Weights as they are picked by: equally where all are 0.
void share_out(std::vector<GradedChannel>& channels) {
  double sum = 0;
  for (const GradedChannel& channel : channels) sum += channel.share;
  for (GradedChannel& channel : channels) {
    channel.share = sum > 0 ? channel.share / sum : 1 / static_cast<double>(channels.size());
  }
}

void replace_in(std::string& text, std::string_view what, std::string_view with) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
}

}  // namespace

std::optional<GradedType> graded_type(const model::Explanation& explanation, AnomalyType type) {
  const AnomalyTypeRow& row = anomaly_types[index_of(type)];
  if (!model::is_graded(explanation.profile, type)) return std::nullopt;
  GradedType graded{
      .severity = std::nullopt, .seconds = explanation.times.duration[index_of(type)].median, .channels = {}};
  if (row.severity) graded.severity = usual_severity(explanation, type);
  if (row.rows != AffectedRows::kept) return graded;
  for (std::size_t c = 0; c < explanation.profile.channels.size(); ++c) {
    if (model::can_affect(explanation.profile, type, static_cast<Channel>(c)))
      graded.channels.push_back(usual_anomaly(explanation, type, graded, c));
  }
  share_out(graded.channels);
  return graded;
}

std::string size_in_unit(double size, std::string_view unit) {
  return fmt::format("{:.3g}{}{}", size, unit.empty() ? "" : " ", unit);
}

std::string graded_magnitude_text(AnomalyType type, double magnitude, std::string_view unit) {
  const AnomalyTypeRow& row = anomaly_types[index_of(type)];
  std::string text(row.severity && !row.severity->magnitude.empty() ? row.severity->magnitude
                                                                    : row.magnitude);
  replace_in(text, "[+|−]", "±");
  replace_in(text, "{%}", percent(magnitude));
  replace_in(text, "{}", size_in_unit(magnitude, unit));
  return text;
}

}  // namespace fleet_sim::explain
