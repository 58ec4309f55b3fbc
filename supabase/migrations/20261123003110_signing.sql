-- Signatures of what comes from outside and of what goes out.

create function private.hmac_sha256(p_key bytea, p_message bytea) returns bytea
language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
  -- RFC 2104; its blocks have 64 bytes. It is written out so that the ledger needs no extension that an installation may lack.
  block bytea := case when length(p_key) > 64 then sha256(p_key) else p_key end;
  inner_key bytea;
  outer_key bytea;
begin
  block := block || decode(repeat('00', 64 - length(block)), 'hex');
  inner_key := block;
  outer_key := block;
  for at in 0..63 loop
    inner_key := set_byte(inner_key, at, get_byte(block, at) # 54);
    outer_key := set_byte(outer_key, at, get_byte(block, at) # 92);
  end loop;
  return sha256(outer_key || sha256(inner_key || p_message));
end $$;
comment on function private.hmac_sha256(bytea, bytea) is 'HMAC-SHA256 as RFC 2104 and RFC 4231 have it.';
