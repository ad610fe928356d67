// What an explanation as text is made of: labeled rows on a page of 100 columns, and how numbers and the
// steps behind them are written. Main thread; cannot fail.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "explain/explained_sensor.h"
#include "model/explanation.h"

namespace fleet_sim::explain {

// Labeled rows of pieces; a row that is too long goes on below, broken between two pieces.
class Page {
 public:
  void heading(std::string_view title);
  void row(std::string_view label, const std::vector<std::string>& pieces);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A name where it only has to be recognized: it may be as long as an identity or a config likes.
std::string shortened(std::string_view text);

std::string number(double value);
std::string percent(double share);

// "0.05 (config)", "× 1.5 (firmware 1.3)", "= 0.075"; the unit stands with the result.
std::vector<std::string> chain_pieces(const model::Number<model::Chain>& explained,
                                      std::string_view unit = "");

std::vector<std::string> joined(std::string first, std::vector<std::string> pieces);
// With a comma between them.
std::vector<std::string> joined(std::vector<std::string> pieces, std::string last);

// "UTC+02:00", or of a zone "local time".
std::string clock_name(const ExplainedSensor& sensor);
std::vector<std::string> zone_pieces(const ExplainedSensor& sensor);

}  // namespace fleet_sim::explain
