#include "identity/load_identities.h"

#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "identity/identity_files.h"
#include "identity/parcel.h"
#include "identity/roster_builder.h"

namespace fleet_sim::identity {
namespace {

namespace tbb = oneapi::tbb;
using ParcelPointer = std::shared_ptr<Parcel>;

std::size_t parcels_at_once() {
  const auto threads = static_cast<std::size_t>(std::max(1, tbb::this_task_arena::max_concurrency()));
  return std::min(3 * threads, most_parcels);
}

}  // namespace

LoadedIdentities load_identities(const std::vector<std::filesystem::path>& paths, Problems& problems,
                                 const types::Catalog& types, RepeatedIds repeated) {
  FoundFiles found = find_identity_files(paths);
  for (const UnreadFolder& folder : found.unread) problems.add(place_in(folder.path), folder.why);
  const std::vector<IdentityFile>& files = found.files;
  ParcelCutter cutter(files);
  RosterBuilder builder(files, types, repeated, problems);

  const auto cut = [&](tbb::flow_control& control) -> ParcelPointer {
    if (!cutter.at_end() && !builder.full()) return std::make_shared<Parcel>(cutter.next());
    control.stop();
    return nullptr;
  };
  const auto parse = [&](ParcelPointer parcel) {
    parse_parcel(*parcel, files, types);
    return parcel;
  };
  const auto add = [&](const ParcelPointer& parcel) { builder.add(*parcel); };
  tbb::parallel_pipeline(
      parcels_at_once(),
      tbb::make_filter<void, ParcelPointer>(tbb::filter_mode::serial_in_order, cut) &
          tbb::make_filter<ParcelPointer, ParcelPointer>(tbb::filter_mode::parallel, parse) &
          tbb::make_filter<ParcelPointer, void>(tbb::filter_mode::serial_in_order, add));
  LoadedIdentities loaded = builder.take();
  loaded.unread = std::move(found.unread);
  loaded.passed_over = std::move(found.passed_over);
  return loaded;
}

}  // namespace fleet_sim::identity
