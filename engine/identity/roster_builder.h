// Takes what the parcels hold into a roster, in file order: refuses or marks an id that is used already, says
// where everything wrong is, and stops at most_identities. One thread at a time, but full() may be asked by
// any. Borrows the files, the type and the problems, owns the roster until it is taken. Mistakes and failures
// of files become problems.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/problems.h"
#include "identity/id_index.h"
#include "identity/load_identities.h"
#include "identity/parcel.h"

namespace fleet_sim::identity {

class RosterBuilder {
 public:
  RosterBuilder(const std::vector<IdentityFile>& files, const types::Catalog& types, RepeatedIds repeated,
                Problems& problems);

  void add(Parcel& parcel);

  // As many identities as there may be: nothing more is read then.
  [[nodiscard]] bool full() const { return full_; }

  LoadedIdentities take();

 private:
  struct Place {
    std::uint32_t file = 0;
    std::uint32_t line = 0;  // 0: the file as a whole
  };

  void add(FileFindings& file);
  void add(std::uint32_t file, const IdentityFindings& findings);
  void add(const FoundIdentity& found, Place place);

  [[nodiscard]] std::uint32_t latest_with_id_of(std::uint32_t first) const;

  void report(Place place, const std::string& text);
  void refuse(Place place, const std::string& why);
  [[nodiscard]] std::string shown(Place place) const;

  const std::vector<IdentityFile>& files_;
  const types::Catalog& types_;
  const RepeatedIds repeated_;
  Problems& problems_;
  LoadedIdentities loaded_;
  IdIndex ids_;
  std::vector<Place> places_;                                // of each identity in the roster
  std::unordered_map<std::uint32_t, std::uint32_t> latest_;  // with the id of a first one that was repeated
  std::size_t files_with_problems_ = 0;
  std::set<std::string> unknown_keys_;
  bool found_nothing_ = true;  // in the file at hand, so far
  std::atomic<bool> full_ = false;
};

}  // namespace fleet_sim::identity
