#include "base/faults.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <utility>

namespace fleet_sim {
namespace {

constexpr std::size_t most_fault_places = 32;

#ifdef FLEET_SIM_ASSERTS
constexpr FaultPolicy usual_fault_policy = FaultPolicy::stop;
#else
constexpr FaultPolicy usual_fault_policy = FaultPolicy::count;
#endif

std::atomic<FaultPolicy> fault_policy{usual_fault_policy};
std::atomic<std::uint64_t> faults{0};

struct FaultTexts {
  std::mutex mutex;
  std::set<std::string> known;         // under mutex
  std::vector<std::string> not_taken;  // under mutex
};
FaultTexts& fault_texts() {
  static FaultTexts texts;
  return texts;
}

}  // namespace

void note_fault(std::string_view what, const std::source_location& where) {
  std::string text = fmt::format("{}:{}: {}: does not hold: {}", where.file_name(), where.line(),
                                 where.function_name(), what);
  if (fault_policy.load(std::memory_order_relaxed) == FaultPolicy::stop) {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::abort();
  }
  faults.fetch_add(1, std::memory_order_relaxed);
  FaultTexts& texts = fault_texts();
  const std::lock_guard lock(texts.mutex);
  if (texts.known.size() == most_fault_places || !texts.known.insert(text).second) return;
  texts.not_taken.push_back(std::move(text));
}

std::uint64_t fault_count() {
  return faults.load(std::memory_order_relaxed);
}

std::vector<std::string> take_fault_texts() {
  if (fault_count() == 0) return {};
  FaultTexts& texts = fault_texts();
  const std::lock_guard lock(texts.mutex);
  return std::exchange(texts.not_taken, {});
}

FaultPolicy set_fault_policy(FaultPolicy policy) {
  return fault_policy.exchange(policy, std::memory_order_relaxed);
}

}  // namespace fleet_sim
