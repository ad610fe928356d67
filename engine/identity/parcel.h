// What travels through the pipeline of load_identities: first some text still to be parsed, a slice of a
// .jsonl file or the names of a group of documents, then what was found in it. In between it belongs to one
// thread at a time. The sizes bound what is in memory apart from the roster; what cannot be read is a failure
// of its file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "identity/identity_files.h"
#include "identity/identity_findings.h"
#include "identity/identity_parser.h"
#include "identity/line_slices.h"

namespace fleet_sim::identity {

// At most `most_parcels` are under way, of a slice's text and records (about 3 MB each) or of a group's files
// and records (about 6 MB, if every file is just below the limit): below 150 MB.
inline constexpr std::size_t most_parcels = 24;
inline constexpr std::size_t group_files = 32;
inline constexpr std::size_t small_document_bytes = 32 << 10;

struct FileFindings {
  std::uint32_t file = 0;  // index in the list of files
  IdentityFindings findings;
  std::string failure;         // why the file cannot be read, or read on
  bool long_document = false;  // not parsed yet: too long to be held whole
  bool ends = true;            // nothing of the file comes after this
};

struct Parcel {
  std::uint32_t first_file = 0;
  std::uint32_t files = 0;  // of a group; 0: a slice of the first
  LineSlice slice;
  std::vector<FileFindings> found;  // empty until parsed
};

// Cuts the files into parcels, in order. One thread at a time; borrows the list.
class ParcelCutter {
 public:
  explicit ParcelCutter(const std::vector<IdentityFile>& files) : files_(files) {}

  [[nodiscard]] bool at_end() const { return next_ == files_.size(); }
  Parcel next();

 private:
  const std::vector<IdentityFile>& files_;
  std::size_t next_ = 0;
  bool inside_file_ = false;  // the next parcel has the next slices of the same file
  LineSlices slices_;
};

// Fills `found`. Any thread.
void parse_parcel(Parcel& parcel, const std::vector<IdentityFile>& files, const types::Catalog& types);

// Parses a document while reading it, so that it is never completely in memory. Leaves what `drain` has not
// taken.
void parse_long_document(const std::string& path, const types::Catalog& types, FileFindings& file,
                         const DrainFindings& drain);

}  // namespace fleet_sim::identity
