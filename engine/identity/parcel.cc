#include "identity/parcel.h"

#include <string_view>
#include <utility>

namespace fleet_sim::identity {
namespace {

constexpr std::size_t block_bytes = 512 << 10;

void parse_small_document(const std::string& path, const types::Catalog& types, std::string& buffer,
                          FileFindings& file) {
  InputFile input;
  std::size_t length = 0;
  buffer.resize(small_document_bytes + 1);
  if (input.open(path)) length = input.read(buffer);
  file.failure = input.failure();
  file.long_document = length > small_document_bytes;
  if (!file.failure.empty() || file.long_document) return;
  parse_identity_document(std::string_view(buffer).substr(0, length), types, file.findings);
}

void parse_group(Parcel& parcel, const std::vector<IdentityFile>& files, const types::Catalog& types) {
  std::string buffer;
  for (std::uint32_t i = 0; i < parcel.files; ++i) {
    FileFindings& file = parcel.found.emplace_back();
    file.file = parcel.first_file + i;
    parse_small_document(files[file.file].path, types, buffer, file);
  }
}

void parse_slice(Parcel& parcel, const types::Catalog& types) {
  FileFindings& file = parcel.found.emplace_back();
  file.file = parcel.first_file;
  file.ends = parcel.slice.last;
  parse_identity_lines(parcel.slice.text, parcel.slice.first_line, types, file.findings);
  file.failure = std::move(parcel.slice.failure);
  parcel.slice = {};
}

}  // namespace

Parcel ParcelCutter::next() {
  Parcel parcel;
  parcel.first_file = static_cast<std::uint32_t>(next_);
  if (files_[next_].lines) {
    if (!inside_file_) slices_.open(files_[next_].path);
    parcel.slice = slices_.next();
    inside_file_ = !parcel.slice.last;
    if (!inside_file_) ++next_;
  } else {
    for (; !at_end() && !files_[next_].lines && parcel.files < group_files; ++next_) ++parcel.files;
  }
  return parcel;
}

void parse_parcel(Parcel& parcel, const std::vector<IdentityFile>& files, const types::Catalog& types) {
  if (parcel.files > 0) {
    parse_group(parcel, files, types);
  } else {
    parse_slice(parcel, types);
  }
}

void parse_long_document(const std::string& path, const types::Catalog& types, FileFindings& file,
                         const DrainFindings& drain) {
  InputFile input;
  if (input.open(path)) {
    std::string buffer(block_bytes, '\0');
    const NextBytes next = [&] { return std::string_view(buffer).substr(0, input.read(buffer)); };
    parse_identity_document(next, types, file.findings, drain);
  }
  file.failure = input.failure();
  if (!file.failure.empty()) file.findings = {};  // what the parser made of the sudden end is no news
}

}  // namespace fleet_sim::identity
