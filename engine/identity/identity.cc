#include "identity/identity.h"

#include <algorithm>
#include <bit>

#include "base/random.h"

namespace fleet_sim::identity {
namespace {

constexpr std::size_t arena_block_bytes = 64 << 10;

// None differs from every number.
std::uint64_t hash_of(const std::optional<double>& number) {
  return number ? mix_words(1, std::bit_cast<std::uint64_t>(*number)) : 0;
}

// A rate counts as it does in older files, which know no intervals.
std::uint64_t with(std::uint64_t hash, const std::optional<Rate>& rate) {
  const auto interval = rate ? rate->interval() : std::nullopt;
  if (!interval) return mix_words(hash, hash_of(rate ? std::optional(rate->per_second()) : std::nullopt));
  return mix_words(mix_words(hash, hash_text("interval")), static_cast<std::uint64_t>(*interval));
}

std::uint64_t with(std::uint64_t hash, const ChannelOverride& channel) {
  for (const auto& number : {channel.mean, channel.std_dev, channel.min, channel.max}) {
    hash = mix_words(hash, hash_of(number));
  }
  return hash;
}

// Without details the hash is that of older files, which know none.
std::uint64_t with(std::uint64_t hash, const IdentityDetails& details) {
  if (details == IdentityDetails()) return hash;
  for (const std::string* text : {&details.serial_number, &details.extras}) {
    hash = mix_words(hash, hash_text(*text));
  }
  return mix_words(mix_words(hash, hash_of(details.latitude)), hash_of(details.longitude));
}

}  // namespace

Roster::Roster() {
  intern("");
}

std::uint32_t Roster::add(const IdentityRecord& record) {
  Identity identity;
  identity.id = keep(record.id);
  identity.type = intern(record.type);
  identity.location = intern(record.location);
  identity.manufacturer = intern(record.manufacturer);
  identity.model = intern(record.model);
  identity.firmware_version = intern(record.firmware_version);
  note_firmware(identity.firmware_version);
  identity.overrides = intern(record.overrides);
  identity.details = keep(record.details);
  identities_.push_back(identity);
  return static_cast<std::uint32_t>(identities_.size() - 1);
}

std::uint8_t Roster::firmware_number(Text version) const {
  std::uint8_t number = 0;
  while (number < firmwares_.size() && firmwares_[number] != version) ++number;
  return number < firmwares_.size() ? number : most_firmwares - 1;
}

void Roster::note_firmware(Text version) {
  const bool has_room = firmwares_.size() < most_firmwares - 1;
  if (has_room && firmware_number(version) == most_firmwares - 1) firmwares_.push_back(version);
}

const IdentityOverrides& Roster::overrides(const Identity& identity) const {
  static const IdentityOverrides none;
  return identity.overrides == Identity::no_overrides ? none : *overrides_[identity.overrides];
}

const IdentityDetails& Roster::details(const Identity& identity) const {
  static const IdentityDetails none;
  return identity.details == Identity::no_details ? none : details_[identity.details];
}

Identity Roster::shown(std::size_t index, OverlayIndex overlay) const {
  Identity identity = identities_[index];
  if (overlay == 0) return identity;
  const Overlay& over = (*overlays_)[overlay];
  const auto lay = [](Text& text, Text instead) {
    if (instead != Text{}) text = instead;
  };
  lay(identity.location, over.location);
  lay(identity.manufacturer, over.manufacturer);
  lay(identity.model, over.model);
  lay(identity.firmware_version, over.firmware_version);
  return identity;
}

IdentityRecord Roster::record(const Identity& identity) const {
  return {std::string(identity.id),
          std::string(text(identity.type)),
          std::string(text(identity.location)),
          std::string(text(identity.manufacturer)),
          std::string(text(identity.model)),
          std::string(text(identity.firmware_version)),
          overrides(identity),
          details(identity)};
}

Text Roster::intern(std::string_view text) {
  if (const auto known = handle_of_text_.find(text); known != handle_of_text_.end()) return known->second;
  const auto handle = static_cast<Text>(texts_.size());
  const std::string_view kept = keep(text);
  texts_.push_back(kept);
  handle_of_text_.emplace(kept, handle);
  return handle;
}

Text Roster::find_text(std::string_view text) const {
  const auto known = handle_of_text_.find(text);
  return known == handle_of_text_.end() ? Text{} : known->second;
}

std::uint32_t Roster::intern(const IdentityOverrides& overrides) {
  static const IdentityOverrides none;
  if (overrides == none) return Identity::no_overrides;
  const auto [entry, is_new] =
      index_of_overrides_.try_emplace(overrides, static_cast<std::uint32_t>(overrides_.size()));
  if (is_new) overrides_.push_back(&entry->first);
  return entry->second;
}

std::uint32_t Roster::keep(const IdentityDetails& details) {
  static const IdentityDetails none;
  if (details == none) return Identity::no_details;
  if (details_.empty() || details_.back() != details) details_.push_back(details);
  return static_cast<std::uint32_t>(details_.size() - 1);
}

std::string_view Roster::keep(std::string_view text) {
  const bool fits = !arena_.empty() && arena_.back().capacity() - arena_.back().size() >= text.size();
  if (!fits) arena_.emplace_back().reserve(std::max(arena_block_bytes, text.size()));
  // Never grows past what was reserved, so the bytes already handed out stay where they are.
  std::vector<char>& block = arena_.back();
  const std::size_t offset = block.size();
  block.insert(block.end(), text.begin(), text.end());
  return {block.data() + offset, text.size()};
}

std::uint64_t hash_of(const Roster& roster, const Identity& identity) {
  std::uint64_t hash = hash_text(identity.id);
  for (const Text text :
       {identity.type, identity.location, identity.manufacturer, identity.model, identity.firmware_version}) {
    hash = mix_words(hash, hash_text(roster.text(text)));
  }
  const IdentityOverrides& overrides = roster.overrides(identity);
  hash = with(hash, overrides.rate);
  if (!overrides.time_zone.empty()) hash = mix_words(hash, hash_text(overrides.time_zone));
  // Those of the built-in type count whether they are named or not: so do the hashes in older files.
  const types::Schema& built_in = types::built_in_type().schema;
  for (const types::ChannelColumn& channel : built_in.channels()) {
    hash = with(hash, overrides.channel(channel.name));
  }
  for (const auto& [channel, numbers] : overrides.normal_parameters) {
    if (!built_in.find_channel(channel)) hash = with(mix_words(hash, hash_text(channel)), numbers);
  }
  return with(hash, roster.details(identity));
}

}  // namespace fleet_sim::identity
