-- Signatures of what comes from outside and of what goes out.

create function private.hmac_sha256(p_key text, p_message text) returns text
language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
  key bytea := convert_to(p_key, 'UTF8');
  inner_key bytea;
  outer_key bytea;
begin
  -- RFC 2104, over a block of 64 bytes. It is written out so that the ledger needs no extension that an installation may lack.
  if length(key) > 64 then
    key := sha256(key);
  end if;
  key := key || decode(repeat('00', 64 - length(key)), 'hex');
  inner_key := key;
  outer_key := key;
  for place in 0..63 loop
    inner_key := set_byte(inner_key, place, get_byte(key, place) # 54);
    outer_key := set_byte(outer_key, place, get_byte(key, place) # 92);
  end loop;
  return encode(sha256(outer_key || sha256(inner_key || convert_to(p_message, 'UTF8'))), 'hex');
end $$;
comment on function private.hmac_sha256(text, text) is 'HMAC-SHA256 of a text under a key that is text, both as UTF-8; hex.';
