#include "sources/lag.h"

#include <cassert>

namespace fleet_sim::sources {
namespace {

struct Point {
  std::int64_t quarters;  // of the time constant
  double decayed;         // e^(-s), 0 at the last
};
constexpr std::array<Point, 9> points{{{0, 1},
                                       {1, 0.77880078307140487},
                                       {2, 0.60653065971263342},
                                       {4, 0.36787944117144233},
                                       {6, 0.22313016014842982},
                                       {8, 0.13533528323661270},
                                       {12, 0.049787068367863944},
                                       {18, 0.011108996538242306},
                                       {28, 0}}};

}  // namespace

Lag::Lag(Microseconds tau) {
  assert(tau >= 4);
  const auto ago = [tau](const Point& point) { return point.quarters * tau / 4; };
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    const Point& near = points[i];
    const Point& far = points[i + 1];
    const auto length = static_cast<double>(ago(far) - ago(near));
    spans_[i] = {ago(far), (near.decayed - far.decayed) / length};
  }
}

double Lag::at(const Load& load, std::uint64_t key, Timestamp at, const Load::Moment& now) const {
  double value = 0;
  Microseconds until = now.work;
  for (const Span& span : spans_) {
    const Microseconds since = load.at(key, at - span.ago).work;
    value += span.weight * static_cast<double>(until - since);
    until = since;
  }
  return value;
}

}  // namespace fleet_sim::sources
