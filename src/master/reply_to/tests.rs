//! spec/master.md · 3.1.1 Main Module, 4.7 Communication

use super::*;
use crate::master::testing::MasterRig;
use crate::model::Reason;
use crate::wire::Reply;

/// A frame of this many bytes of data.
fn frame_of(size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_binary(&mut out, Instruction::LinkPrices, &vec![1; size]);
    out
}

#[test]
fn frames_are_cut_into_bodies_between_them() {
    let (large, small) = (frame_of(DATA_MAX), frame_of(1));
    let fitting = BODY_MAX / large.len();
    let mut frames = large.repeat(fitting + 1);
    frames.extend_from_slice(&small);
    let cut: Vec<usize> = bodies(&frames).map(<[u8]>::len).collect();
    assert_eq!(cut, [fitting * large.len(), large.len() + small.len()]);
    assert_eq!(bodies(&[]).count(), 0);
    assert_eq!(bodies(&small).next(), Some(small.as_slice()));
}

#[test]
fn replies_leave_in_the_order_in_which_they_were_added_each_over_its_link() {
    let mut rig = MasterRig::new();
    let (mut first, mut second) = (rig.link("eu1"), rig.link("eu2"));
    first.heard();
    let refusal = Refusal::new(Reason::NoData, "nothing");
    let mut batch = ReplyBatch::new();
    batch.add(second.message(7), |out| Reply::Pong.write(out));
    batch.fail(first.message(3), Instruction::GetUserInfo, &refusal);
    batch.data(&second.message(6), b"payload");
    batch.add(first.message(2), |out| Reply::Pong.write(out));
    assert!(batch.size() > 0);
    assert_eq!(format!("{batch:?}"), "ReplyBatch(4 replies)");
    batch.send();
    assert_eq!(batch.size(), 0);
    let heard = first.replies();
    assert_eq!(
        heard
            .iter()
            .map(|(sequence, _)| *sequence)
            .collect::<Vec<_>>(),
        [3, 2]
    );
    assert!(matches!(&heard[0].1, Reply::Fail(_, told) if *told == refusal));
    let heard = second.replies();
    assert_eq!(
        heard
            .iter()
            .map(|(sequence, _)| *sequence)
            .collect::<Vec<_>>(),
        [7, 6]
    );
    assert!(matches!(&heard[1].1, Reply::Data(_, data) if data == b"payload"));
    batch.send();
    assert!(first.heard().is_empty() && second.heard().is_empty());
}

#[test]
fn what_goes_to_a_link_that_is_over_is_dropped() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    link.peer.link.end();
    link.message(1).send(|out| Reply::Pong.write(out));
    link.peer.push(|out| Reply::Pong.write(out));
    assert!(link.heard().is_empty());
    assert!(link.is_over);
}

#[test]
fn a_client_is_known_by_its_address_if_its_worker_named_one() {
    let mut rig = MasterRig::new();
    let link = rig.link("eu1");
    let mut reply_to = link.message(1);
    reply_to.client = Some("[::ffff:192.0.2.7]:1".parse().unwrap());
    assert_eq!(reply_to.client_ip(), IpAddr::from([192, 0, 2, 7]));
    reply_to.client = None;
    assert_eq!(reply_to.client_ip(), IpAddr::from([0, 0, 0, 0]));
}
