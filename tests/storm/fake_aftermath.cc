#include "storm/fake_aftermath.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fleet_sim::test {
namespace {

using Held = FakeStore::Row;
using HeldRows = std::vector<Held>;

// The rows of a writer by the target they go to, in the order in which it was given them.
std::map<std::string, HeldRows> handed_by_target(const Process& process, std::size_t writer) {
  const sqlite::ShardPlan& plan = process.plan();
  std::map<std::string, HeldRows> rows;
  for (const Held& row : process.handed(writer)) {
    rows[plan.targets[writer][plan.place_of[row.first].shard].name].push_back(row);
  }
  return rows;
}

// Those in `stored` that are not there for the first time.
std::uint64_t count_again(const HeldRows& stored) {
  return stored.size() - std::set<Held>(stored.begin(), stored.end()).size();
}

HeldRows each_once(const HeldRows& stored) {
  std::set<Held> seen;
  HeldRows rows;
  std::ranges::copy_if(stored, std::back_inserter(rows),
                       [&](const Held& row) { return seen.insert(row).second; });
  return rows;
}

bool is_part_of(const HeldRows& part, const HeldRows& whole) {
  auto next = part.begin();
  for (const Held& row : whole) {
    if (next != part.end() && *next == row) ++next;
  }
  return next == part.end();
}

}  // namespace

FakeGround::FakeGround(Dice& dice) : dice_(dice), knows_lots_(dice.chance(0.7)), store_(knows_lots_) {
  store_.mood = [this](const std::string&) {
    const Mood mood = dice_.chance(trouble_) ? draw_mood() : Mood::takes;
    if (mood != Mood::takes) ++refusals_;
    return mood;
  };
  store_.delay = [this] { return static_cast<unsigned>(dice_.between(0, 40)); };
}

// What hangs in its call would keep the storm's only thread; for the writer it is an answer that comes late.
Mood FakeGround::draw_mood() {
  return dice_.one_of(std::vector{Mood::refuses, Mood::is_occupied, Mood::removes_obstacle,
                                  Mood::loses_answer, Mood::takes_part, Mood::rejects_some,
                                  Mood::answers_late, Mood::refuses_late, Mood::answers_twice});
}

void FakeGround::begin(bool calm) {
  store_.targets.clear();
  trouble_ = calm ? 0 : dice_.one_of(std::vector<double>{0.05, 0.3, 0.8});
}

void FakeGround::inspect(const Process& process) {
  demand(store_.keeps_rows, "a lot that was offered again begins with other rows");
  std::uint64_t handed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t resent = 0;
  for (std::size_t w = 0; w < process.plan().targets.size(); ++w) {
    for (const auto& [name, rows] : handed_by_target(process, w)) {
      handed += rows.size();
      const FakeStore::Target& target = store_.targets[name];
      demand(count_again(target.readings) == target.resent, name + " was given rows twice");
      demand(is_part_of(each_once(target.readings), rows), name + " was given rows out of order");
      rejected += target.rejected;
      resent += target.resent;
      if (!process.died()) demand(target.is_finished || target.lots == 0, name + " was not finished");
    }
  }
  const Books books = process.books();
  const std::uint64_t stored = store_.readings();
  demand(stored <= handed, "more is stored than there was");
  const std::string said = std::to_string(stored) + " readings are stored, and the books say " +
                           std::to_string(books.written) + " and " + std::to_string(books.unconfirmed) +
                           " unconfirmed";
  demand(stored >= books.written && stored <= books.written + books.unconfirmed + process.in_doubt(), said);
  demand(rejected >= books.rejected, "more are counted as rejected than were");
  demand(resent >= books.resent, "more are counted as sent again than were");
  if (!process.died()) {
    demand(stored == books.written + books.unconfirmed, said);
    demand(rejected == books.rejected && resent == books.resent,
           "what was rejected or sent again is not counted so");
    demand(stored + rejected + books.lost() >= handed, "rows are neither stored nor counted as lost");
  }
  rows_ += stored;
}

}  // namespace fleet_sim::test
