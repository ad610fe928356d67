#include "identity/standing_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/random.h"
#include "identity/json_value.h"

namespace fleet_sim::identity {
namespace {

constexpr std::uint32_t none = UINT32_MAX;

// Judges the files of one look. What a file may have depends on which others are refused, so claims are
// looked at until nothing more is: first those on ids that stand in a file, then those that several newcomers
// make on one id, of which the first wins.
class Judge {
 public:
  Judge(const StandingFiles& standing, const LoadedIdentities& look,
        const std::vector<std::string>& objections)
      : standing_(standing),
        look_(look),
        objections_(objections),
        refused_(look.sources.size(), false),
        former_(look.sources.size(), none),
        now_(standing.files().size(), none),
        kept_(standing.files().size(), false),
        file_of_(look.roster.size()),
        position_(look.roster.size(), none),
        at_home_(standing.standing().size(), false) {}

  Taken judge() {
    match_files();
    find_positions();
    refuse_unread();
    refuse_broken();
    do {
      while (refuse_losers([this] { count_lost_to_standing(); })) {
      }
    } while (refuse_losers([this] { count_all_lost(); }));
    return result();
  }

 private:
  void match_files() {
    std::unordered_map<std::string_view, std::uint32_t> by_path;
    const auto& files = standing_.files();
    for (std::uint32_t h = 0; h < files.size(); ++h) by_path.emplace(files[h].path, h);
    for (std::uint32_t f = 0; f < look_.sources.size(); ++f) {
      const auto found = by_path.find(look_.sources[f].path);
      if (found == by_path.end()) continue;
      former_[f] = found->second;
      now_[found->second] = f;
    }
  }

  void find_positions() {
    for (std::uint32_t f = 0; f < look_.sources.size(); ++f) {
      const LoadedFile& file = look_.sources[f];
      for (std::uint32_t i = file.first; i < file.first + file.identities; ++i) {
        file_of_[i] = f;
        const auto position = standing_.find(look_.roster[i].id);
        if (!position) continue;
        position_[i] = *position;
        if (now_[home(i)] == f) at_home_[*position] = true;
      }
    }
  }

  // The standing file of an identity whose id stands.
  [[nodiscard]] std::uint32_t home(std::uint32_t identity) const {
    return standing_.standing()[position_[identity]].file;
  }

  // What lay below a folder that cannot be read now has not gone. A folder that is no more is looked at as a
  // file.
  void refuse_unread() {
    std::vector<std::pair<std::string_view, std::uint32_t>> missing;
    for (std::uint32_t h = 0; h < now_.size(); ++h) {
      if (now_[h] == none) missing.emplace_back(standing_.files()[h].path, h);
    }
    std::ranges::sort(missing);
    const auto keep_below = [&](std::string folder) {
      while (folder.ends_with('/')) folder.pop_back();
      folder += '/';
      auto below = std::ranges::lower_bound(missing, std::pair<std::string_view, std::uint32_t>(folder, 0));
      for (; below != missing.end() && below->first.starts_with(folder); ++below) kept_[below->second] = true;
    };
    for (const UnreadFolder& folder : look_.unread) {
      note(fmt::format("{}: {}", place_in(folder.path), folder.why));
      keep_below(folder.path);
    }
    for (const LoadedFile& file : look_.sources) {
      if (!file.readable) keep_below(file.path);
    }
  }

  void refuse_broken() {
    lost_.assign(look_.sources.size(), 0);
    for (std::uint32_t f = 0; f < look_.sources.size(); ++f) {
      const LoadedFile& file = look_.sources[f];
      const bool has_sensors = former_[f] != none && standing_.files()[former_[f]].identities > 0;
      if (!objections_[f].empty()) {
        refuse(f, objections_[f]);
      } else if (is_too_bad(f) || (!file.readable && has_sensors)) {
        refuse(f, file.problem.empty() ? place_in(file.path) + ": is not valid" : file.problem);
      }
    }
  }

  // As many invalid identities as there were are left out as they were.
  [[nodiscard]] bool is_too_bad(std::uint32_t file) const {
    const std::uint32_t allowed = former_[file] == none ? 0 : standing_.files()[former_[file]].invalid;
    return look_.sources[file].invalid + lost_[file] > allowed;
  }

  void refuse(std::uint32_t file, const std::string& why) {
    refused_[file] = true;
    if (former_[file] != none) kept_[former_[file]] = true;
    note(why);
  }

  void note(const std::string& why) {
    if (++taken_.refused_files <= Taken::most_named) taken_.refused.push_back(why);
  }

  // Counts with `count` what each file loses, and refuses those that lose too much. True if there are any.
  template <class Count>
  bool refuse_losers(Count count) {
    lost_.assign(look_.sources.size(), 0);
    first_lost_.assign(look_.sources.size(), {none, none});
    count();
    bool any = false;
    for (std::uint32_t f = 0; f < look_.sources.size(); ++f) {
      if (refused_[f] || lost_[f] == 0 || !is_too_bad(f)) continue;
      refuse(f, loss_text(f));
      any = true;
    }
    return any;
  }

  // Of an identity in a file that is not refused: whether its id has to stay in another file.
  [[nodiscard]] bool stands_elsewhere(std::uint32_t identity) const {
    const std::uint32_t position = position_[identity];
    if (position == none || now_[home(identity)] == file_of_[identity]) return false;
    return kept_[home(identity)] || at_home_[position];
  }

  void count_lost_to_standing() {
    for (std::uint32_t i = 0; i < file_of_.size(); ++i) {
      if (!refused_[file_of_[i]] && stands_elsewhere(i)) lose(i, none);
    }
  }

  void count_all_lost() {
    count_lost_to_standing();
    for (const auto& [loser, winner] : tied()) lose(loser, winner);
  }

  // The identities whose id another newcomer has first.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint32_t>> tied() const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> losers;
    std::unordered_map<std::uint32_t, std::uint32_t> winners;  // by the first identity with the id
    const auto may_have = [this](std::uint32_t i) { return !refused_[file_of_[i]] && !stands_elsewhere(i); };
    for (const RepeatedId& repeated : look_.repeated) {
      if (may_have(repeated.first)) winners.try_emplace(repeated.first, repeated.first);
      if (!may_have(repeated.index)) continue;
      const auto [winner, is_first] = winners.try_emplace(repeated.first, repeated.index);
      if (!is_first) losers.emplace_back(repeated.index, winner->second);
    }
    return losers;
  }

  void lose(std::uint32_t identity, std::uint32_t winner) {
    const std::uint32_t file = file_of_[identity];
    if (lost_[file]++ == 0) first_lost_[file] = {identity, winner};
  }

  [[nodiscard]] std::string place_of(std::uint32_t identity) const {
    return place_in(look_.sources[file_of_[identity]].path, look_.lines[identity]);
  }

  [[nodiscard]] std::string loss_text(std::uint32_t file) const {
    const auto [loser, winner] = first_lost_[file];
    const std::string id = short_name(look_.roster[loser].id);
    if (winner != none)
      return fmt::format("{}: id '{}' is already used in {}", place_of(loser), id, place_of(winner));
    return fmt::format("{}: id '{}' already runs from {}", place_of(loser), id,
                       place_in(standing_.files()[home(loser)].path));
  }

  Taken result() {
    taken_.identities.resize(look_.roster.size());
    for (std::uint32_t i = 0; i < file_of_.size(); ++i) {
      taken_.identities[i] = !refused_[file_of_[i]] && !stands_elsewhere(i);
    }
    for (const auto& [loser, winner] : tied()) taken_.identities[loser] = false;
    taken_.kept.resize(standing_.standing().size());
    for (std::uint32_t s = 0; s < taken_.kept.size(); ++s) {
      taken_.kept[s] = kept_[standing_.standing()[s].file];
    }
    taken_.standing = standing_afterwards();
    return std::move(taken_);
  }

  // The files of the look, and behind them those that are kept though they were not found.
  [[nodiscard]] StandingFiles standing_afterwards() const {
    std::vector<StandingFiles::File> files;
    std::vector<std::uint32_t> number_of_kept(kept_.size(), none);
    for (std::uint32_t f = 0; f < look_.sources.size(); ++f) {
      StandingFiles::File file{look_.sources[f].path, look_.sources[f].invalid + lost_[f], 0};
      if (refused_[f]) file.invalid = 0;
      if (refused_[f] && former_[f] != none) {
        file.invalid = standing_.files()[former_[f]].invalid;
        number_of_kept[former_[f]] = f;
      }
      files.push_back(std::move(file));
    }
    for (std::uint32_t h = 0; h < kept_.size(); ++h) {
      if (!kept_[h] || now_[h] != none) continue;
      number_of_kept[h] = static_cast<std::uint32_t>(files.size());
      files.push_back(standing_.files()[h]);
    }
    std::vector<StandingFiles::Standing> standing;
    for (std::uint32_t i = 0; i < file_of_.size(); ++i) {
      if (taken_.identities[i]) standing.push_back({hash_text(look_.roster[i].id), file_of_[i]});
    }
    for (const StandingFiles::Standing& one : standing_.standing()) {
      if (number_of_kept[one.file] != none) standing.push_back({one.id_hash, number_of_kept[one.file]});
    }
    return {std::move(files), std::move(standing)};
  }

  const StandingFiles& standing_;
  const LoadedIdentities& look_;
  const std::vector<std::string>& objections_;
  std::vector<bool> refused_;            // by file of the look
  std::vector<std::uint32_t> former_;    // by file of the look: the standing one of that name
  std::vector<std::uint32_t> now_;       // by standing file: the one of the look
  std::vector<bool> kept_;               // by standing file: refused, or not to be found
  std::vector<std::uint32_t> file_of_;   // by identity of the look
  std::vector<std::uint32_t> position_;  // by identity of the look: among the standing ones
  std::vector<bool> at_home_;            // by standing identity: its file has it still
  std::vector<std::uint32_t> lost_;      // by file of the look: identities whose id another one has
  std::vector<std::pair<std::uint32_t, std::uint32_t>> first_lost_;  // and who has it
  Taken taken_;
};

}  // namespace

StandingFiles::StandingFiles(std::vector<File> files, std::vector<Standing> standing)
    : files_(std::move(files)), standing_(std::move(standing)) {
  std::ranges::sort(standing_);
  for (File& file : files_) file.identities = 0;
  for (const Standing& one : standing_) ++files_[one.file].identities;
}

StandingFiles::StandingFiles(const std::vector<LoadedFile>& files, const Roster& roster) {
  std::vector<File> all;
  std::vector<Standing> standing;
  for (const LoadedFile& file : files) {
    const auto number = static_cast<std::uint32_t>(all.size());
    all.push_back({file.path, file.invalid, 0});
    for (std::uint32_t i = file.first; i < file.first + file.identities; ++i)
      standing.push_back({hash_text(roster[i].id), number});
  }
  *this = StandingFiles(std::move(all), std::move(standing));
}

std::optional<std::uint32_t> StandingFiles::find(std::string_view id) const {
  const std::uint64_t hash = hash_text(id);
  const auto found = std::ranges::lower_bound(standing_, hash, {}, &Standing::id_hash);
  if (found == standing_.end() || found->id_hash != hash) return std::nullopt;
  return static_cast<std::uint32_t>(found - standing_.begin());
}

std::string Taken::refused_text() const {
  std::string text;
  for (const std::string& one : refused) text += (text.empty() ? "" : "; ") + one;
  if (refused_files > refused.size()) text += fmt::format("; and {} more", refused_files - refused.size());
  return text;
}

Taken take_files(const StandingFiles& standing, const LoadedIdentities& look,
                 const std::vector<std::string>& objections) {
  return Judge(standing, look, objections).judge();
}

}  // namespace fleet_sim::identity
